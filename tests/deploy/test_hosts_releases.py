"""Releases on deployed hosts: upgraded, rolled back, broken ones refused, the power gone, boards removed."""

import httpx2
import pytest
from alembic.script import ScriptDirectory

from controller.store.database import migrations
from tests.deploy.hosts.bundles import changed_bundle
from tests.system.lab import tiny_job, wait_for

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1200)]

_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"
branch_labels = depends_on = None


def upgrade():
    op.create_table("of_a_later_release", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("of_a_later_release")
"""


def version(lab, name, port=8101):
    """What the service says that it is; '' where it does not answer."""
    try:
        return httpx2.get(f"http://{lab.hosts[name].address}:{port}/health", trust_env=False).json().get("version")
    except httpx2.TransportError:
        return ""


def in_use(lab, name):
    """The release of the agent that a host runs, by its link."""
    return lab.hosts[name].run("basename $(readlink /opt/gradfilter/agent/current)").strip()


def test_upgrade_and_rollback_keep_the_data(deployed, tmp_path):
    """A new release takes over on every host, the one before returns on command, and what was measured stays."""
    lab = deployed.lab
    job = lab.submit(tiny_job(device={"name": "board-1"}))
    assert "finished" == lab.wait_until_final(job)["state"]
    before = {name: in_use(lab, name) for name in ("board-1", "board-2")}

    upgraded = lab.play("upgrade", bundle=changed_bundle(tmp_path, "0.1.1", lambda _: None))
    assert 0 == upgraded.status, upgraded.output
    assert ["0.1.1", "0.1.1", "0.1.1"] == [
        version(lab, "lab", port=8100),
        version(lab, "board-1"),
        version(lab, "board-2"),
    ]
    assert "finished" == lab.get(f"/v1/jobs/{job}")["state"]

    rolled_back = lab.play("rollback")
    assert 0 == rolled_back.status, rolled_back.output
    assert before == {name: in_use(lab, name) for name in ("board-1", "board-2")}
    assert "0.1.0" == version(lab, "lab", port=8100)
    again = lab.submit(tiny_job(device={"name": "board-2"}))
    assert "finished" == lab.wait_until_final(again)["state"]
    assert "finished" == lab.get(f"/v1/jobs/{job}")["state"]


def test_broken_release_is_rolled_back_and_goes_no_further(deployed, tmp_path):
    """An agent that does not start is replaced by the one before on the first board; the other board never sees it."""
    lab = deployed.lab
    before = {name: in_use(lab, name) for name in ("board-1", "board-2")}

    def break_it(source):
        with (source / "agent" / "cli.py").open("a") as program:
            program.write('\n\ndef main(arguments=None):\n    raise SystemExit("broken on purpose")\n')

    broken = changed_bundle(tmp_path, "0.1.2", break_it)
    played = lab.play("upgrade", "--limit", "boards", bundle=broken)
    assert (0, 1) == (played.failed.get("board-2", 0), played.failed["board-1"]), played.output
    assert "broken on purpose" in played.output
    assert before == {name: in_use(lab, name) for name in ("board-1", "board-2")}
    wait_for("board-1 online", lambda: lab.get("/v1/devices/board-1")["health"] == "online" or None)
    job = lab.submit(tiny_job(device={"name": "board-1"}, repetitions=1))
    assert "finished" == lab.wait_until_final(job)["state"]


def test_broken_controller_leaves_its_database_to_the_one_before(deployed, tmp_path):
    """A controller that changed the schema and then is not well makes room, and the older one finds all jobs."""
    lab = deployed.lab
    jobs = lab.get("/v1/jobs?limit=100")["items"]
    newest = ScriptDirectory.from_config(migrations(None)).get_current_head()

    def change_schema_and_fall_ill(source):
        (source / "migrations" / "versions" / "9999_later.py").write_text(_MIGRATION.format(newest=newest))
        health = source / "controller" / "routes" / "health.py"
        health.write_text(health.read_text() + '\n\nHealth.__init__.__defaults__ = ("ill", "ill")\n')

    played = lab.play("upgrade", "--limit", "lab", bundle=changed_bundle(tmp_path, "0.1.3", change_schema_and_fall_ill))
    assert 1 == played.failed["lab"], played.output
    assert "0.1.0" == version(lab, "lab", port=8100)
    assert [job["id"] for job in jobs] == [job["id"] for job in lab.get("/v1/jobs?limit=100")["items"]]


def test_agent_that_hangs_is_started_anew(deployed):
    """systemd hears nothing from an agent that stands still, ends it, and starts another."""
    board = deployed.lab.hosts["board-1"]
    service = "systemctl show gradfilter-agent --property MainPID --value"
    hanging = board.run(service).strip()
    board.run(f"kill -STOP {hanging}")
    wait_for("another agent", lambda: board.run(service).strip() not in ("0", hanging) or None, 180)
    wait_for("its answer", lambda: version(deployed.lab, "board-1") == "0.1.0" or None)


def test_power_cut_in_mid_run_costs_one_block(deployed):
    """A board without power loses the run it made; when it is back, the job is completed by a replacement block."""
    lab, board = deployed.lab, deployed.lab.hosts["board-2"]
    job = lab.submit(tiny_job(device={"name": "board-2"}, repetitions=3, workload={"measured_steps": 400}))
    lab.wait_until_running(job, block=2)
    board.cut_power()
    board.boot()
    view = lab.wait_until_final(job)
    assert "finished" == view["state"], view["reason"]
    states = [run["state"] for run in lab.runs(job)]
    assert 1 == states.count("lost")
    assert (
        3 == lab.get(f"/v1/jobs/{job}/report.json")["variants"][1]["parts"][0]["metrics"]["backward"]["estimate"]["n"]
    )


def test_removed_board_is_drained_first(deployed):
    """A job that runs on the board ends as a result; then the board is neither in the lab nor has it an agent."""
    lab = deployed.lab
    job = lab.submit(tiny_job(device={"name": "board-2"}, workload={"measured_steps": 200}))
    lab.wait_until_running(job, block=1)
    removed = lab.play("remove", "--limit", "board-2")
    assert 0 == removed.status, removed.output
    assert "finished" == lab.get(f"/v1/jobs/{job}")["state"]
    assert ["board-1"] == [device["name"] for device in lab.get("/v1/devices")["items"]]
    board = lab.hosts["board-2"]
    assert "inactive" == board.run("systemctl is-active gradfilter-agent", check=False).strip()
    assert "worker.json" in board.run("ls /var/lib/gradfilter-agent")

    again = lab.play("install")
    assert 0 == again.status, again.output
    wait_for("board-2 online", lambda: lab.get("/v1/devices/board-2")["health"] == "online" or None)


def test_check_tells_what_runs_and_fails_where_nothing_answers(deployed):
    """A lab that is well passes; a board whose agent was stopped fails, and is named."""
    lab, board = deployed.lab, deployed.lab.hosts["board-1"]
    well = lab.play("check")
    assert 0 == well.status, well.output
    assert f"0.1.0-{in_use(lab, 'board-1').rpartition('-')[2]}" in well.output
    board.run("systemctl stop gradfilter-agent")
    ill = lab.play("check")
    board.run("systemctl start gradfilter-agent")
    assert (1, 0) == (ill.failed["board-1"], ill.failed["lab"]), ill.output
