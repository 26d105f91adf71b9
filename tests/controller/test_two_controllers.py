"""Two controllers on one database: every job is dispatched once, and no board works for two."""

from collections import Counter
from contextlib import ExitStack

import pytest

from controller.jobs import FINAL_JOB_STATES
from tests.controller.databases import DATABASES, new_database
from tests.controller.fake_agent import HOLD, FakeAgent
from tests.controller.lab import Lab
from tests.controller.samples import DEVICE
from tests.controller.serving import wait_for

JOBS = 8


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    return new_database(request, tmp_path)


@pytest.fixture
def labs(tmp_path, agent, database_url):
    with ExitStack() as stack:
        yield [stack.enter_context(Lab(tmp_path, agent, database_url=database_url)) for _ in range(2)]


def test_every_job_is_dispatched_once(labs, agent):
    """Jobs that both may give to any of three boards are each prepared once and measured once a slot."""
    with ExitStack() as stack:
        agents = [agent, *(stack.enter_context(FakeAgent()) for _ in range(2))]
        for number, other in enumerate(agents[1:]):
            device = {"name": f"other-{number}", "url": other.url, "tags": ["desk"]}
            assert labs[0].request("POST", "/v1/devices", json=device).is_success
        jobs = [labs[number % 2].submit(device={"tags": ["desk"]}) for number in range(JOBS)]
        for job in jobs:
            wait_for(
                f"the end of job {job}",
                lambda job=job: labs[0].get(f"/v1/jobs/{job}")["state"] in FINAL_JOB_STATES or None,
            )
        started = Counter((spec.job_id, spec.purpose, spec.variants[-1].name) for a in agents for spec in a.started)
    assert ["finished"] * JOBS == [labs[1].get(f"/v1/jobs/{job}")["state"] for job in jobs]
    assert {} == {run: count for run, count in started.items() if count > 1}
    assert 3 * JOBS == sum(started.values())


def test_a_job_can_be_cancelled_through_either(labs, agent):
    """The controller that does not hold the board passes the word on through the database."""
    agent.script = lambda spec: HOLD
    job = labs[0].submit()
    agent.wait_for_active("prepare")
    for lab in labs:
        assert "cancelled" == lab.request("POST", f"/v1/jobs/{job}/cancel").json()["state"]
    wait_for("the run's end", lambda: agent.cancelled or None)
    wait_for("the board being free", lambda: labs[0].get(f"/v1/devices/{DEVICE}")["job"] is None or None)
    assert 1 == len(agent.cancelled)
