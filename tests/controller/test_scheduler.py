"""Jobs on a board that works: from the queue through preparation and blocks to the verdict."""

import pytest
from sqlalchemy import text

from tests.controller.databases import DATABASES, looking, new_database
from tests.controller.fake_agent import HOLD
from tests.controller.lab import Lab
from tests.controller.samples import DEVICE, record
from tests.controller.serving import wait_for


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    return new_database(request, tmp_path)


def test_a_job_is_prepared_and_measured_block_by_block(lab):
    """The board gets one preparation with all variants, then every slot once, and everything is stored."""
    job = lab.submit(repetitions=3)
    assert ("finished", "") == (lab.end_of(job)["state"], lab.end_of(job)["reason"])
    assert "prepare" == lab.agent.started[0].purpose
    assert ["baseline", "filtered"] == [variant.name for variant in lab.agent.started[0].variants]
    assert [1, 1, 2, 2, 3, 3] == [spec.block for spec in lab.agent.measured]
    assert ["finished"] * 6 == lab.states(job)


def test_runs_of_a_block_share_their_recorded_seed(lab):
    """The seed a board was given is the one that is shown for the run."""
    job = lab.submit(repetitions=2)
    lab.end_of(job)
    told = [spec.seed for spec in lab.agent.measured]
    assert told == [run["seed"] for run in lab.runs(job)]
    assert told[0] == told[1] != told[2] == told[3]


def test_a_stored_record_is_forgotten_by_the_board(lab):
    """Once a record is in the database, the board may free its disk."""
    job = lab.submit()
    lab.end_of(job)
    assert {spec.run_id for spec in lab.agent.started} == set(lab.agent.forgotten)


def test_a_refused_preparation_fails_the_job_before_any_run(lab):
    """The worker's sentence is the job's reason, with the field at fault, and nothing is measured."""
    lab.agent.script = lambda spec: "refused: last:99 asks for more layers than the 2 there are"
    job = lab.submit()
    end = lab.end_of(job)
    assert "failed" == end["state"]
    assert "trainable: last:99 asks for more layers" in end["reason"]
    assert [] == lab.runs(job)


def test_a_failed_run_is_a_result_and_the_others_go_on(lab):
    """A variant that fails is named in the reason; the baseline's runs stand and nothing is tried again."""
    lab.agent.script = lambda spec: (
        "failed: out of memory" if spec.variants[-1].name == spec.variants[0].name == "filtered" else "finished"
    )
    job = lab.submit(repetitions=2)
    end = lab.end_of(job)
    assert ("finished", "variant 'filtered' failed in 2 of 2 runs: out of memory") == (end["state"], end["reason"])
    assert {("baseline", "finished"), ("filtered", "failed")} == {(r["variant"], r["state"]) for r in lab.runs(job)}
    assert 4 == len(lab.runs(job))


def test_a_lost_attempt_is_kept_and_its_block_replaced(lab):
    """A board that lost a run gets one more block of every variant, and the loss stays on record."""
    lost = []

    def lose_the_first(spec):
        if spec.purpose == "measure" and not lost:
            lost.append(spec.run_id)
            return "lost: the board lost its power"
        return "finished"

    lab.agent.script = lose_the_first
    job = lab.submit(repetitions=2)
    end = lab.end_of(job)
    assert ("finished", "") == (end["state"], end["reason"])
    assert ["lost", "finished", "finished", "finished", "finished"] == lab.states(job)
    assert [1, 2, 2, 3, 3] == [run["block"] for run in lab.runs(job)]
    assert 1 == sum(variant["runs_lost"] for variant in lab.get(f"/v1/jobs/{job}/report.json")["variants"])


def test_only_two_blocks_are_replaced(lab):
    """A board that loses everything is given up after two replacement blocks, with what is missing said."""
    lab.agent.script = lambda spec: "finished" if spec.purpose == "prepare" else "lost: the disk is full"
    job = lab.submit(repetitions=1)
    end = lab.end_of(job)
    assert "failed" == end["state"]
    assert "0 of 1 blocks have ended: 3 attempts were lost" in end["reason"]
    assert ["lost"] * 3 == lab.states(job)


def test_the_oldest_job_runs_first_and_one_at_a_time(lab):
    """A board works for one job; the next one waits and says for whom."""
    lab.agent.script = lambda spec: HOLD if spec.purpose == "measure" else "finished"
    first, second = lab.submit(), lab.submit()
    lab.agent.wait_for_active()
    lab.wait_until_awaiting(second, f"device '{DEVICE}', which works on job {first}")
    lab.agent.script = lambda spec: "finished"
    lab.agent.end(lab.agent.wait_for_active().run_id)
    lab.end_of(second)
    assert [first] * 3 + [second] * 3 == [spec.job_id for spec in lab.agent.started]


def test_a_job_by_tags_takes_an_idle_board_that_fits(lab):
    """Tags given by the lab and tags of the agent itself both count."""
    job = lab.submit(device={"tags": ["desk", "x86_64"]})
    assert DEVICE == lab.end_of(job)["device"]


def test_progress_tells_the_run_and_the_time_left(lab):
    """While a run is on the board its phase and steps are shown, and after the first one the time left."""
    lab.agent.script = lambda spec: HOLD if spec.purpose == "measure" else "finished"
    job = lab.submit(repetitions=2)
    run = lab.agent.wait_for_active()
    shown = wait_for("the run at work", lambda: _at_work(lab.get(f"/v1/jobs/{job}")["progress"]["running"]))
    assert (run.run_id, "measured", 1, 2) == (shown["run_id"], shown["phase"], shown["done"], shown["total"])
    before = lab.get(f"/v1/jobs/{job}")["progress"]
    assert (0, 4, None) == (before["runs_done"], before["runs_total"], before["seconds_left"])
    lab.agent.end(run.run_id)
    wait_for("the next run", lambda: lab.agent.active or None)
    after = lab.get(f"/v1/jobs/{job}")["progress"]
    assert (1, 4) == (after["runs_done"], after["runs_total"])
    assert after["seconds_left"] >= 0


def _at_work(shown):
    """The run, once its board has begun it and does not only know of it."""
    return shown if shown and shown["state"] == "running" else None


class TestCancel:
    def test_a_queued_job(self, lab):
        """A job that has not begun is cancelled at once and never reaches the board."""
        lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"maintenance": True})
        job = lab.submit()
        lab.wait_until_awaiting(job, "in maintenance")
        assert "cancelled" == lab.request("POST", f"/v1/jobs/{job}/cancel").json()["state"]
        lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"maintenance": False})
        lab.end_of(lab.submit())
        assert job not in {spec.job_id for spec in lab.agent.started}

    @pytest.mark.parametrize("purpose", ["prepare", "measure"])
    def test_a_running_job(self, lab, purpose):
        """The run on the board is stopped there, its partial record is kept, and the board is free again."""
        lab.agent.script = lambda spec: HOLD if spec.purpose == purpose else "finished"
        job = lab.submit()
        run = lab.agent.wait_for_active(purpose).run_id
        assert "cancelled" == lab.request("POST", f"/v1/jobs/{job}/cancel").json()["state"]
        assert "cancelled" == lab.end_of(job)["state"]
        wait_for("the end of the run", lambda: lab.runs(job, purpose)[0]["state"] == "cancelled" or None)
        assert [run] == lab.agent.cancelled
        assert 2 == len(lab.get(f"/v1/runs/{run}")["steps"])

    def test_stays_cancelled(self, lab):
        """Cancelling twice is the same as once; a job that has ended cannot be cancelled."""
        lab.agent.script = lambda spec: HOLD
        job = lab.submit()
        lab.agent.wait_for_active("prepare")
        assert [200, 200] == [lab.request("POST", f"/v1/jobs/{job}/cancel").status_code for _ in range(2)]
        lab.end_of(job)
        lab.agent.script = lambda spec: "finished"
        ended = lab.submit()
        lab.end_of(ended)
        assert 409 == lab.request("POST", f"/v1/jobs/{ended}/cancel").status_code
        assert "cancelled" == lab.get(f"/v1/jobs/{job}")["state"]


def test_a_board_that_obeys_a_newer_lease_is_waited_for(tmp_path, agent):
    """A token that the board finds too old is no failure of the run: the job waits and says what the board said."""
    agent.tokens.append(2**60)
    with Lab(tmp_path, agent) as lab:
        job = lab.submit()
        lab.wait_until_awaiting(job, "older than the newest")
        assert [] == agent.started
        lab.request("POST", f"/v1/jobs/{job}/cancel")
        agent.tokens.clear()
        lab.end_of(job)


def test_a_board_that_cannot_be_asked_does_not_end_the_care_of_the_others(lab, database_url):
    """The other boards are asked again and again beside one whose stored address breaks the asking."""
    lab.request("POST", "/v1/devices", json={"name": "broken", "url": "http://127.0.0.1:9"})
    with looking(database_url) as connection:
        connection.execute(text("UPDATE devices SET url = 'http://127.0.0.1:99999' WHERE name = 'broken'"))
    lab.restart()
    seen = set()
    wait_for(
        "three answers", lambda: seen.add(lab.get(f"/v1/devices/{DEVICE}")["last_seen_at"]) or len(seen) > 3 or None
    )
    assert lab.get("/health")["status"] == "ok"


def test_a_void_attempt_is_kept_and_its_block_replaced(lab):
    """A run during which the clock was set does not count: its block is run once more, and the run stays on record."""
    void = []

    def set_the_clock_once(spec, state="finished", failure=""):
        made = record(spec, state, failure)
        if spec.purpose == "measure" and not void:
            void.append(spec.run_id)
            made.environment["clock_step_s"] = 7.0
        return made

    lab.agent.reports = set_the_clock_once
    job = lab.submit(repetitions=2)
    end = lab.end_of(job)
    assert ("finished", "") == (end["state"], end["reason"])
    assert ["void", "finished", "finished", "finished", "finished"] == lab.states(job)
    assert "the wall clock was set" in lab.runs(job)[0]["failure"]
    report = lab.get(f"/v1/jobs/{job}/report.json")
    assert (1, 2) == (sum(variant["runs_void"] for variant in report["variants"]), report["blocks_complete"])
    assert void[0] not in {row["run_id"] for row in lab.get(f"/v1/results?job={job}")["items"]}
