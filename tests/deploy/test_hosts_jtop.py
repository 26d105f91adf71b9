"""A made-up Jetson as a host: power read through jetson-stats' real service, its state for benchmarks, its removal."""

from pathlib import Path

import pytest

from tests.boards.jetson_state import ALL, ASKED, BEFORE, IN_WORDS, StatefulJetson
from tests.system.lab import tiny_job, wait_for

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]

_TREE = Path("/opt/jetson")
# What these services see in place of this machine's; everything else of their units is as it was deployed.
_DROP_INS = {
    service: f"[Service]\nEnvironment=PATH={_TREE}/bin:/usr/sbin:/usr/bin:/sbin:/bin\nBindPaths={paths}\n"
    for service, paths in (
        ("jtop", f"{_TREE}/sys:/sys"),
        ("gradfilter-profile", f"{_TREE}/sys:/sys {_TREE}/proc/swaps:/proc/swaps"),
    )
}


@pytest.fixture(scope="module")
def orin(deployed):
    """The host with the playbook run on it, and its files; it leaves the lab with these tests."""
    lab = deployed.lab
    host = lab.add("orin")
    for service, drop_in in _DROP_INS.items():
        host.write(f"etc/systemd/system/{service}.service.d/made-up.conf", drop_in)
    host.write("etc/nv_tegra_release", "# R36 (release), REVISION: 4.3\n")
    host.files = StatefulJetson(host.disk / _TREE.relative_to("/"), _TREE)
    host.files.set_input_power(6)
    lab.boot("orin")
    played = lab.play("install", "--limit", "orin")
    assert 0 == played.status, played.output
    yield host
    lab.request("DELETE", "/v1/devices/orin")
    lab.hosts.pop("orin").cut_power()


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
    """Only what is asked is set; it stands in description and record, and what was before comes back with its end."""
    lab = deployed.lab
    assert BEFORE == orin.files.state()
    asked = [lab.play("profile", "--limit", "orin", gradfilter_profile=ALL) for _ in range(2)]
    assert [(0, True), (0, False)] == [(played.status, played.changed["orin"] > 0) for played in asked], asked
    assert ASKED == orin.files.state()
    wait_for("it in the description", lambda: lab.get("/v1/devices/orin")["description"]["profile"] == IN_WORDS or None)
    _, run = finished_run(lab)
    assert IN_WORDS == lab.get(f"/v1/runs/{run['id']}")["environment"]["profile"]

    played = lab.play("profile", "--limit", "orin")
    assert 0 == played.status, played.output
    assert BEFORE == orin.files.state()


def test_state_for_benchmarks_is_set_before_the_agent_starts(deployed, orin):
    """A board that was without power is as it was asked to be before its agent takes a job."""
    lab = deployed.lab
    played = lab.play("profile", "--limit", "orin", gradfilter_profile={"governor": "performance", "fan": 200})
    assert 0 == played.status, played.output
    orin.cut_power()
    orin.files.fan.write_text("60\n")  # as a real one's after a boot
    orin.boot()
    orin.run("systemctl is-system-running --wait", check=False)  # it waits; the word that it prints does not matter
    assert ["0", "usual", "200", "performance", 1] == orin.files.state()
    show = "systemctl show --value --property"
    done = orin.run(f"{show} ActiveEnterTimestampMonotonic gradfilter-profile")
    started = orin.run(f"{show} ExecMainStartTimestampMonotonic gradfilter-agent")
    assert 0 < int(done) <= int(started)


def test_removal_takes_all_that_was_brought(deployed, orin):
    """Neither service is left, and of the programs' folder nothing but the folder."""
    played = deployed.lab.play("remove", "--limit", "orin")
    assert 0 == played.status, played.output
    assert "" == orin.run("ls /opt/gradfilter")
    listed = orin.run("systemctl list-unit-files --no-legend 'gradfilter-*' 'jtop*'", check=False)
    assert "" == listed  # with status 1, since there is none
