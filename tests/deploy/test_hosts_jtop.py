"""A made-up Jetson as a host: power read through jetson-stats' real service, its state for benchmarks, its removal."""

from pathlib import Path

import pytest

from tests.boards.jetson import JetsonFiles
from tests.system.lab import tiny_job, wait_for

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]

_TREE = Path("/opt/jetson")
# What these services see in place of this machine's; everything else of their units is as it was deployed.
_DROP_IN = f"""[Service]
Environment=PATH={_TREE}/bin:/usr/sbin:/usr/bin:/sbin:/bin
BindPaths={_TREE}/sys:/sys
"""
_SHOW_STATE = f"cat {_TREE}/nvpmodel {_TREE}/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"


@pytest.fixture(scope="module")
def orin(deployed):
    """The host with the playbook run on it; it leaves the lab with these tests."""
    lab = deployed.lab
    host = lab.add("orin")
    for service in ("jtop", "gradfilter-profile"):
        host.write(f"etc/systemd/system/{service}.service.d/made-up.conf", _DROP_IN)
    host.write("etc/nv_tegra_release", "# R36 (release), REVISION: 4.3\n")
    JetsonFiles("jetson-orin-nano", host.disk / _TREE.relative_to("/"), _TREE).set_input_power(6)
    lab.boot("orin")
    played = lab.play("install", "--limit", "orin")
    assert 0 == played.status, played.output
    return host


def finished_run(lab, **workload):
    """The first run of a job on the board that has come to its end."""
    job = lab.submit(tiny_job(device={"name": "orin"}, workload=workload))
    assert ("finished", "") == ((view := lab.wait_until_final(job))["state"], view["reason"])
    return job, lab.runs(job)[0]


def test_unprivileged_agent_reads_power_through_jtop(deployed, orin):
    """The playbook finds a Jetson, runs jtop.service, and a job's energy comes from the rail that feeds the board."""
    lab = deployed.lab
    [jtop] = [sensor for sensor in lab.get("/v1/devices/orin")["description"]["sensors"] if sensor["name"] == "jtop"]
    assert (True, "") == (jtop["present"], jtop["reason"])
    job, run = finished_run(lab, measured_steps=300)
    assert "VDD_IN" in lab.request("GET", f"/v1/runs/{run['id']}/series.csv").text
    energy = lab.get(f"/v1/results?job={job}&metric=energy_per_step")["items"]
    assert 4 == len(energy)
    assert all("VDD_IN" in row["source"] for row in energy), energy


def test_state_for_benchmarks_is_set_recorded_and_taken_back(deployed, orin):
    """What is asked holds, over a power cut too, stands in description and record, and ends when asked no more."""
    lab = deployed.lab
    assert "0\nschedutil\n" == orin.run(_SHOW_STATE)
    played = lab.play("profile", "--limit", "orin", gradfilter_profile={"nvpmodel": 1, "governor": "performance"})
    assert 0 == played.status, played.output
    assert "1\nperformance\n" == orin.run(_SHOW_STATE)
    orin.cut_power()
    orin.boot()
    words = "nvpmodel 1, governor performance"
    wait_for("it in the description", lambda: lab.get("/v1/devices/orin")["description"]["profile"] == words or None)
    _, run = finished_run(lab)
    assert words == lab.get(f"/v1/runs/{run['id']}")["environment"]["profile"]

    played = lab.play("profile", "--limit", "orin")
    assert 0 == played.status, played.output
    assert "0\nschedutil\n" == orin.run(_SHOW_STATE)


def test_removal_takes_all_that_was_brought(deployed, orin):
    """Neither service is left, and of the programs' folder nothing but the folder."""
    played = deployed.lab.play("remove", "--limit", "orin")
    assert 0 == played.status, played.output
    assert "" == orin.run("ls /opt/gradfilter")
    assert "" == orin.run("systemctl list-unit-files --no-legend 'gradfilter-*' 'jtop*'")
