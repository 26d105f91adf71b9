"""A made-up Jetson as a host: jetson-stats' real service as a unit, and power read by the agent in its hardened one."""

from pathlib import Path

import pytest

from tests.boards.jetson import JetsonFiles
from tests.system.lab import tiny_job, wait_for

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]

_TREE = Path("/opt/jetson")
# What the service sees in place of this machine's; everything else of the unit is as it was deployed.
_DROP_IN = f"""[Service]
Environment=PATH={_TREE}/bin:/usr/sbin:/usr/bin:/sbin:/bin
BindPaths={_TREE}/sys:/sys
"""


def test_unprivileged_agent_reads_power_through_jtop(deployed):
    """The playbook finds a Jetson, runs jtop.service, and a job's energy comes from the rail that feeds the board."""
    lab = deployed.lab
    orin = lab.add("orin")
    orin.write("etc/systemd/system/jtop.service.d/made-up.conf", _DROP_IN)
    orin.write("etc/nv_tegra_release", "# R36 (release), REVISION: 4.3\n")
    tree = JetsonFiles("jetson-orin-nano", orin.disk / _TREE.relative_to("/"), _TREE)
    tree.set_input_power(6)
    lab.boot("orin")

    played = lab.play("install", "--limit", "orin")
    assert 0 == played.status, played.output
    sensors = wait_for("a description", lambda: (lab.get("/v1/devices/orin")["description"] or {}).get("sensors"))
    [jtop] = [sensor for sensor in sensors if sensor["name"] == "jtop"]
    assert (True, "") == (jtop["present"], jtop["reason"])

    job = lab.submit(tiny_job(device={"name": "orin"}, workload={"measured_steps": 300}))
    view = lab.wait_until_final(job)
    assert "finished" == view["state"], view["reason"]
    series = lab.request("GET", f"/v1/runs/{lab.runs(job)[0]['id']}/series.csv").text
    assert "VDD_IN" in series
    energy = lab.get(f"/v1/results?job={job}&metric=energy_per_step")["items"]
    assert 4 == len(energy)
    assert all("VDD_IN" in row["source"] for row in energy), energy
