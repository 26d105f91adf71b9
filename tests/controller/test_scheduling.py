"""Which job runs where and when: tags, all boards of a kind, priorities, deadlines, boards that must not be used."""

import pytest

from tests.controller.fake_agent import HOLD, FakeAgent
from tests.controller.samples import DEVICE, description
from tests.controller.serving import wait_for


@pytest.fixture
def other(lab):
    """A second board on the desk."""
    with FakeAgent(description=description(hostname="other", boot_id="boot-2")) as agent:
        lab.request("POST", "/v1/devices", json={"name": "other", "url": agent.url, "tags": ["desk", "fan"]})
        yield agent


def hold(spec):
    return HOLD if spec.purpose == "measure" else "finished"


def in_maintenance(lab, *, value):
    lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"maintenance": value})


def test_a_job_for_any_board_leaves_the_special_one_free(lab, other):
    """The board with the fewest tags that will do is taken first."""
    job = lab.submit(device={"tags": ["desk"]})
    assert DEVICE == lab.end_of(job)["device"]
    assert [] == other.started


def test_a_job_for_all_boards_is_one_job_for_each(lab, other):
    """Every board has its own job and report; they are found together by their series, and each ends by itself."""
    first = lab.submit(device={"tags": ["desk"], "scope": "all"})
    lab.end_of(first)
    jobs = lab.get(f"/v1/jobs?series={first}")["items"]
    assert {DEVICE, "other"} == {job["spec"]["device"]["name"] for job in jobs}
    for job in jobs:
        assert "finished" == lab.end_of(job["id"])["state"]
        assert job["spec"]["device"]["name"] == lab.get(f"/v1/jobs/{job['id']}")["device"]
    assert 2 == len(lab.agent.measured) == len(other.measured)
    across = lab.get(f"/v1/jobs/{first}/report.json?across=true")["across"]
    assert {DEVICE, "other"} == {job["device"] for job in across["jobs"]}
    assert None is lab.get(f"/v1/jobs/{first}/report.json")["across"]
    assert "with all 2 boards" in lab.request("GET", f"/jobs/{first}").text


def test_a_higher_priority_goes_first(lab):
    """Of jobs that wait for the same board the most urgent is begun first, however old the others are."""
    in_maintenance(lab, value=True)
    usual, urgent = lab.submit(), lab.submit(priority=5)
    in_maintenance(lab, value=False)
    lab.end_of(usual)
    assert [urgent] * 3 + [usual] * 3 == [spec.job_id for spec in lab.agent.started]


class TestDeadlines:
    def test_of_a_job_that_no_board_begins(self, lab):
        """It is given up with the reason, and never reaches a board."""
        in_maintenance(lab, value=True)
        end = lab.end_of(lab.submit(deadlines={"start_s": 1}))
        assert ("failed", "no board began it within deadlines.start_s = 1 s.") == (end["state"], end["reason"])
        assert [] == lab.agent.started

    def test_of_a_job_that_takes_too_long(self, lab):
        """It ends with what it has measured; the run on its board is stopped, and the board is free."""
        lab.agent.script = lambda spec: HOLD if spec.block == 2 else "finished"
        job = lab.submit(repetitions=2, deadlines={"end_s": 3})
        end = lab.end_of(job)
        assert ("finished", "its time was over (deadlines.end_s = 3 s) after 1 of 2 blocks.") == (
            end["state"],
            end["reason"],
        )
        wait_for("the end of the run", lambda: lab.states(job) == ["finished", "finished", "cancelled"] or None)
        assert 1 == len(lab.agent.cancelled)


class TestBadBoards:
    def test_take_no_jobs_until_somebody_has_looked(self, lab):
        """A board with a fault says so, as does the job that waits for it; cleared, it takes the job."""
        lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"fault": "its last two controls failed"})
        shown = lab.get(f"/v1/devices/{DEVICE}")
        assert ("bad", "its last two controls failed") == (shown["health"], shown["health_reason"])
        job = lab.submit()
        lab.wait_until_awaiting(job, "takes no jobs until somebody looks: its last two controls failed")
        assert [] == lab.agent.started
        lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"fault": ""})
        assert "finished" == lab.end_of(job)["state"]

    def test_go_on_with_the_job_they_have(self, lab):
        """A fault keeps new jobs away; what runs is not measured again for it."""
        lab.agent.script = hold
        job = lab.submit()
        lab.agent.wait_for_active()
        assert "leased" == lab.get(f"/v1/devices/{DEVICE}")["health"]
        lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"fault": "it hums"})
        lab.agent.script = lambda spec: "finished"
        lab.agent.end(lab.agent.wait_for_active().run_id)
        assert "finished" == lab.end_of(job)["state"]
