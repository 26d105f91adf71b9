"""Jobs with until: blocks are added at looks, by the width of an interval, whatever happens to the controller."""

from dataclasses import replace

from tests.controller.fake_agent import HOLD
from tests.controller.samples import job_document, record
from tests.controller.serving import wait_for

UNTIL = {"until": 0.02, "repetitions": 8, "primary": ["step_time"]}


def unsteady(spec, state="finished", failure=""):
    """A record whose ratio goes up and down by 4 %: known to 2.4 % after 8 blocks, and to 1.7 % after 12."""
    made = record(spec, state, failure)
    slower = 0.04 * sum(step.forward_s + step.backward_s + step.optimizer_s for step in made.steps[:1])
    extra_s = slower if spec.variants[0].name == "filtered" and spec.block % 2 else 0.0
    return replace(made, steps=[replace(step, forward_s=step.forward_s + extra_s) for step in made.steps])


def test_a_narrow_interval_ends_the_job_at_the_first_look(lab):
    """Runs that are all alike need no more than the first look's blocks, and every report says so."""
    end = lab.end_of(job := lab.submit(**UNTIL))
    assert ("finished", "", 16) == (end["state"], end["reason"], len(lab.states(job)))
    for form in ("json", "md", "html"):
        assert "ended after 8 complete blocks" in lab.request("GET", f"/v1/jobs/{job}/report.{form}").text


def test_a_wide_interval_asks_for_more_blocks_across_a_restart(lab):
    """Nothing is remembered of a look: the controller that comes back adds the same blocks, and repeats none."""
    lab.agent.reports = unsteady
    lab.agent.script = lambda spec: HOLD if spec.block == 10 else "finished"
    job = lab.submit(**UNTIL)
    held = lab.agent.wait_for_active()
    lab.restart()
    assert 24 == lab.get(f"/v1/jobs/{job}")["progress"]["runs_total"]
    lab.agent.script = lambda spec: "finished"
    wait_for("the run being followed", lambda: lab.get(f"/v1/jobs/{job}")["progress"]["running"])
    lab.agent.end(held.run_id)
    assert ("finished", "") == (lab.end_of(job)["state"], lab.get(f"/v1/jobs/{job}")["reason"])
    assert 24 == len({(run["variant"], run["block"]) for run in lab.runs(job)}) == len(lab.runs(job))
    assert "ended after 12 complete blocks" in lab.get(f"/v1/jobs/{job}/report.json")["stopping"]["sentence"]


def test_until_is_refused_where_it_cannot_judge(lab):
    """A quick job and a number of blocks that is no look are named as what they are."""
    for changes in ({"quick": True}, {"repetitions": 5}):
        answer = lab.request("POST", "/v1/jobs", json=job_document(**{**UNTIL, **changes}))
        assert (422, True) == (answer.status_code, "until needs repetitions of 8 or 12 or 16 or 24" in answer.text)
