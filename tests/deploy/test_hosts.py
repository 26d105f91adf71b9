"""From bare hosts to a report, as a user goes: bundle, inventory, playbook, jobs; real systemd, real SSH."""

import pytest

from tests.system.lab import tiny_job

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]


def test_hosts_become_a_lab_without_the_internet(deployed):
    """The playbook succeeds on hosts that know no way out of their own network."""
    for host in deployed.lab.hosts.values():
        assert "default" not in host.run("ip route")


def test_boards_take_jobs_and_their_report_can_be_read(deployed):
    """Each board is registered with the tags of its hardware, and a digits job on it ends with a comparison."""
    lab = deployed.lab
    jobs = {name: lab.submit(tiny_job(device={"name": name})) for name in ("board-1", "board-2")}
    for name, job in jobs.items():
        assert "x86_64" in lab.get(f"/v1/devices/{name}")["tags"]
        assert ("finished", "") == ((view := lab.wait_until_final(job))["state"], view["reason"])
        assert {name} == {run["device"] for run in lab.runs(job)}
        report = lab.get(f"/v1/jobs/{job}/report.json")
        assert 2 == report["variants"][1]["parts"][0]["metrics"]["backward"]["estimate"]["n"]


def test_agents_run_without_privileges(deployed):
    """The agent's process is the services' user's, may gain nothing, and its settings are root's alone."""
    board = deployed.lab.hosts["board-1"]
    service = "systemctl show gradfilter-agent --property MainPID --value"
    status = board.run(f"cat /proc/$({service})/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert ("1", "0" * 16) == (facts["NoNewPrivs"], facts["CapBnd"])
    assert "gradfilter-agent" == board.run(f"ps -o user:32= -p $({service})").strip()
    assert "600 root" == board.run('stat --format="%a %U" /etc/gradfilter/agent.env').strip()


def test_second_run_changes_nothing(deployed):
    """What was installed is found as it should be."""
    again = deployed.lab.play("install")
    assert (0, {"lab": 0, "board-1": 0, "board-2": 0}) == (again.status, again.changed), again.output
