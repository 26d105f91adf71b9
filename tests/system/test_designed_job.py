"""A real job with everything that is asked of a run before it counts, through real processes."""

import pytest

from tests.system.lab import tiny_job

pytestmark = pytest.mark.system

DESIGN = {
    "quick": False,
    "primary": ["step_time"],
    "steady": {"least_steps": 3, "least_s": 0.0, "most_steps": 50, "most_s": 5.0, "within": 0.2},
    "window": {"seconds": 1.0},
    "limits": {"run_s": 120, "settle_s": 0.5},
}


def seconds(record, phase):
    return sum(one["end_s"] - one["start_s"] for one in record["phases"] if one["name"] == phase)


def test_a_run_is_designed_and_says_how(shared_lab):
    """Every run rehearses and fills its window; the last one is followed by a rest; all of it stands in the records."""
    job = shared_lab.submit(tiny_job(**DESIGN, repetitions=1))
    view = shared_lab.wait_until_final(job)
    assert ("finished", "") == (view["state"], view["reason"])
    assert (300.0, True) == (view["spec"]["gate"]["most_s"], view["spec"]["void_if"]["throttled"])
    records = [shared_lab.get(f"/v1/runs/{run['id']}") for run in shared_lab.runs(job)]
    for record in records:
        environment = record["environment"]
        assert 3 <= environment["rehearsals"][0]["steps"] <= 50
        assert (1.0, True) == (environment["window_s"], environment["gate"]["passed"])
        assert abs(environment["clock_step_s"]) < 1.0
        assert seconds(record, "measured") >= 1.0
    assert "settle" == records[-1]["phases"][-1]["name"]
    assert all("settle" != record["phases"][-1]["name"] for record in records[:-1])


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_real_job_ends_at_a_look(shared_lab):
    """With until 1, any interval is narrow enough once there are eight blocks."""
    job = shared_lab.submit(tiny_job(quick=False, primary=["step_time"], until=1.0, repetitions=8))
    shared_lab.wait_until_final(job, 800)
    report = shared_lab.get(f"/v1/jobs/{job}/report.json")
    assert (8, 8) == (report["blocks_complete"], report["stopping"]["blocks"])
    assert report["stopping"]["sentence"].startswith("ended after 8 complete blocks")
