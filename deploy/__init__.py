"""Deployments of the services: one host (local.py, the demo) and systemd units."""
