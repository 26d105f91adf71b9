"""The lab at a glance in a browser: pages rendered on the server, no build step, nothing from outside."""
