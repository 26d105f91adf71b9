"""Bad luck: agents and controllers that go away in the middle of a job, and come back."""

import pytest
from fastapi import FastAPI

from controller.documents import JOB_SPEC
from controller.store import Store
from gradfilter.bench.schema import SCHEMA_VERSION
from tests.controller.fake_agent import HOLD
from tests.controller.lab import Lab
from tests.controller.samples import DEVICE, description, job_document
from tests.controller.serving import Server, wait_for


@pytest.fixture
def impatient_lab(tmp_path, agent):
    """A controller that waits for no board beyond the time limit of its run."""
    with Lab(tmp_path, agent, agent_grace_s=0.0) as started:
        yield started


def holding(purpose="measure"):
    return lambda spec: HOLD if spec.purpose == purpose else "finished"


def test_a_restart_follows_the_run_that_is_on_the_board(lab):
    """A run that outlives its controller is picked up again and not repeated."""
    lab.agent.script = holding()
    job = lab.submit()
    run = lab.agent.wait_for_active().run_id
    lab.restart()
    lab.agent.script = lambda spec: "finished"
    wait_for("the run being followed", lambda: lab.get(f"/v1/jobs/{job}")["progress"]["running"])
    lab.agent.end(run)
    assert ("finished", "") == (lab.end_of(job)["state"], lab.end_of(job)["reason"])
    assert ["finished", "finished"] == lab.states(job)
    assert run == lab.runs(job)[0]["id"]
    assert ["finished", "finished"] == [r["state"] for r in lab.runs(job, "prepare")]  # one at the start, one more


def test_a_restart_fetches_the_record_that_came_meanwhile(lab):
    """What a board finished while there was no controller is stored at the next start."""
    lab.agent.script = holding()
    job = lab.submit()
    run = lab.agent.wait_for_active().run_id
    lab.server.stop()
    lab.agent.end(run)
    lab.agent.script = lambda spec: "finished"
    lab.server.start()
    assert "finished" == lab.end_of(job)["state"]
    assert 2 == len(lab.get(f"/v1/runs/{run}")["steps"])
    assert 2 == len(lab.runs(job))


def test_a_run_that_the_board_does_not_know_is_lost(lab):
    """A board that came back empty has lost its run; the block is replaced."""
    lab.agent.script = holding()
    job = lab.submit()
    lab.agent.wait_for_active()
    lab.server.stop()
    lab.agent.lose_everything()
    lab.agent.script = lambda spec: "finished"
    lab.server.start()
    assert "finished" == lab.end_of(job)["state"]
    assert ["lost", "finished", "finished"] == lab.states(job)
    assert "unknown" in lab.runs(job)[0]["failure"]


def test_finished_runs_are_not_repeated(lab):
    """A restart goes on where the job was, slot by slot."""
    lab.agent.script = lambda spec: HOLD if spec.block == 2 else "finished"
    job = lab.submit(repetitions=2)
    held = lab.agent.wait_for_active().run_id
    lab.restart()
    lab.agent.script = lambda spec: "finished"
    lab.agent.end(held)
    lab.end_of(job)
    assert 4 == len({(spec.block, spec.variant.name) for spec in lab.agent.measured}) == len(lab.agent.measured)


def test_a_cancelled_job_is_closed_after_a_restart(lab):
    """A run that was on the board when its job was cancelled and the controller went is stopped by the next one."""
    lab.agent.script = holding()
    job = lab.submit()
    run = lab.agent.wait_for_active().run_id
    lab.agent.server.stop()
    lab.request("POST", f"/v1/jobs/{job}/cancel")
    lab.server.stop()
    lab.agent.server.start()
    lab.server.start()
    lab.end_of(job)
    wait_for("the end of the run", lambda: lab.states(job) == ["cancelled"] or None)
    assert run in lab.agent.cancelled


class TestUnreachable:
    def test_before_the_job(self, lab):
        """A job for a board that is away stays queued, names the address, and starts when the board is back."""
        lab.agent.server.stop()
        wait_for("the board being missed", lambda: lab.get(f"/v1/devices/{DEVICE}")["health"] == "offline" or None)
        job = lab.submit()
        lab.wait_until_awaiting(job, lab.agent.url)
        assert "queued" == lab.get(f"/v1/jobs/{job}")["state"]
        lab.agent.server.start()
        assert "finished" == lab.end_of(job)["state"]

    def test_between_two_runs(self, tmp_path, agent):
        """A board that goes away within a job is waited for, and no run is lost by that."""
        with Lab(tmp_path, agent, poll_wait_s=0.05) as lab:
            agent.script = holding()
            job = lab.submit()
            run = agent.wait_for_active().run_id
            agent.server.stop()
            lab.wait_until_awaiting(job, lab.agent.url)
            assert "offline" == lab.get(f"/v1/devices/{DEVICE}")["health"]
            agent.script = lambda spec: "finished"
            agent.end(run)
            agent.server.start()
            assert "finished" == lab.end_of(job)["state"]
            assert ["finished", "finished"] == lab.states(job)

    def test_while_cancelled(self, lab):
        """A cancelled job does not hold a dead board beyond the time limit of its run."""
        lab.agent.script = holding()
        job = lab.submit()
        lab.agent.wait_for_active()
        lab.agent.server.stop()
        assert "cancelled" == lab.request("POST", f"/v1/jobs/{job}/cancel").json()["state"]
        lab.agent.server.start()
        wait_for("the end of the run", lambda: lab.states(job) == ["cancelled"] or None)

    def test_too_long_after_a_deadline(self, impatient_lab):
        """A run whose job ran out of time on a dead board names the deadline."""
        lab = impatient_lab
        lab.agent.script = holding()
        job = lab.submit(deadlines={"end_s": 3})
        lab.agent.wait_for_active()
        lab.agent.server.stop()
        wait_for("the end of the run", lambda: lab.states(job) == ["lost"] or None)
        assert "deadlines.end_s = 3 s" in lab.runs(job)[0]["failure"]

    def test_too_long_after_a_cancellation(self, impatient_lab):
        """What a dead board still keeps of a cancelled run is forgotten when the board is next used."""
        lab = impatient_lab
        lab.agent.script = holding()
        job = lab.submit()
        run = lab.agent.wait_for_active().run_id
        lab.agent.server.stop()
        lab.request("POST", f"/v1/jobs/{job}/cancel")
        wait_for("the end of the run", lambda: lab.states(job) == ["lost"] or None)
        assert "cancelled by a user" in lab.runs(job)[0]["failure"]
        lab.agent.script = lambda spec: "finished"
        lab.agent.end(run)
        lab.agent.server.start()
        lab.end_of(lab.submit())
        assert run in lab.agent.forgotten

    @pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
    def test_an_agent_of_another_version(self, lab, version):
        """A job waits for a board that speaks an older or newer schema, says so, and starts when both speak one."""
        lab.agent.description = description(schema_version=version)
        job = lab.submit()
        lab.wait_until_awaiting(job, f"speaks schema version {version}, this controller {SCHEMA_VERSION}; update")
        assert [] == lab.agent.started
        lab.agent.description = description()
        assert "finished" == lab.end_of(job)["state"]

    def test_something_else_answers(self, lab):
        """Another service at the board's address is not taken for an agent that has lost its runs."""
        lab.agent.script = holding()
        job = lab.submit()
        run = lab.agent.wait_for_active().run_id
        with Server(FastAPI) as other:
            lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"url": other.url})
            lab.wait_until_awaiting(job, f"{other.url} is not an agent")
            lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"url": lab.agent.url})
            lab.agent.script = lambda spec: "finished"
            lab.agent.end(run)
            assert ["finished", "finished"] == [lab.end_of(job)["state"], lab.states(job)[0]]


def test_a_lease_left_behind_is_waited_for_and_taken_over(tmp_path, agent):
    """After a controller that was killed the next one waits for its lease to run out, says so, and goes on."""
    store = Store(f"sqlite:///{tmp_path / 'controller.sqlite3'}")
    store.database.migrate()
    with Lab(tmp_path, agent) as lab:
        lab.server.stop()
        job = store.jobs.add(JOB_SPEC.validate_python(job_document())).id
        old = store.leases.start(job, DEVICE, 1.0)
        lab.server.start()
        lab.wait_until_awaiting(job, "another controller holds")
        assert "finished" == lab.end_of(job)["state"]
        assert min(agent.tokens) > old.token
    store.close()
