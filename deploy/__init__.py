"""Deployments: the services on one host (local.py, the demo), and on a lab of hosts (ansible/, bundling/)."""
