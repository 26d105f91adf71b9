"""The window in readings, as seconds of the meter's pace; and the rest after a job's last run."""

import pytest
from pydantic import TypeAdapter

from agent.window import in_seconds
from gradfilter.bench.schema import Channel, RunSpec, SensorReport
from tests.agent.service import LEASE, run_spec, wait_until

RUN_SPEC = TypeAdapter(RunSpec)


def meter(update_s):
    return SensorReport(
        "ina", present=True, channels=[Channel("VDD_IN", "ina", "power", "W", covers="board_input", update_s=update_s)]
    )


@pytest.mark.parametrize(
    ("window", "sensors", "seconds"),
    [
        ({"seconds": 30}, [meter(0.5)], 30.0),
        ({"seconds": 30, "readings": 100}, [meter(0.5)], 50.0),
        ({"seconds": 60, "readings": 100}, [meter(0.5)], 60.0),
        ({"readings": 100}, [meter(None)], 5.0),
        ({"readings": 100}, [], 0.0),
        ({"readings": 100, "most_s": 20}, [meter(0.5)], 20.0),
    ],
)
def test_the_longest_of_seconds_and_readings_counts(window, sensors, seconds):
    """A meter that has a new value twice a second needs fifty seconds for a hundred; without one nothing is asked."""
    spec = RUN_SPEC.validate_python(run_spec(window=window))
    assert seconds == in_seconds(spec.window, spec, sensors).seconds


def ended(client):
    return wait_until("the end", lambda: client.get("/v1/runs/run-1?wait=1").json()["record"])


def start(client, **changes):
    client.put("/v1/runs/run-1", json=run_spec(**changes), headers=LEASE)


def test_the_window_that_was_used_is_recorded(client):
    """The seconds that the worker was told stand in the environment."""
    start(client, window={"seconds": 0.25})
    assert 0.25 == ended(client)["environment"]["window_s"]


def test_the_board_rests_again_after_the_last_run(client):
    """Its sensors are read in a second rest, which follows the work."""
    start(client, rest_after_s=1.0)
    record = ended(client)
    assert ["settle", "setup", "measured", "settle"] == [phase["name"] for phase in record["phases"]]
    last = record["phases"][-1]
    assert any(last["start_s"] <= at <= last["end_s"] for one in record["series"] for at in one["times_s"])


def test_a_run_that_is_cancelled_in_its_last_rest_is_a_result(client):
    """All that it was for has been measured."""
    start(client, rest_after_s=3000.0)
    wait_until("the rest", lambda: client.get("/v1/runs/run-1").json()["phase"] == "settle" and _has_worked(client))
    client.post("/v1/runs/run-1/cancel", headers=LEASE)
    assert "finished" == ended(client)["state"]


def _has_worked(client):
    return client.get("/v1/runs/run-1").json()["done"] > 0
