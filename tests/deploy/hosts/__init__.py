"""Hosts for the tests of deploying: real systemd and a real sshd in network namespaces, with no way to the internet."""
