"""Events as lines on a file descriptor."""

import json
import os

import pytest

from gradfilter.bench.events import EventWriter
from gradfilter.bench.schema import Outcome, Step


@pytest.fixture(name="pipe")
def fixture_pipe():
    ours, theirs = os.pipe()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def test_memory_comes_with_a_phase_that_holds_no_steps(pipe):
    """
    The memory at the end of a phase is read when it ends for the first time and before an evaluation, and never
    where it would disturb steps.
    """
    ours, theirs = pipe
    events = EventWriter(theirs)
    for name in ("setup", "data", "warm_up", "data", "measured", "data", "measured", "data", "measured", "evaluation"):
        events.phase(name)
    lines = [json.loads(line) for line in os.read(ours, 65536).splitlines()]
    expected = [False, True, False, True, False, True, False, False, False, True]
    assert expected == ["ended_pss_bytes" in line for line in lines]
    assert all(10**6 < line.get("ended_pss_bytes", 10**7) < 10**12 for line in lines)


def test_every_event_is_one_strict_line(pipe):
    """
    Each event is a line of its own, with the fields the agent reads; a NaN loss is null.
    """
    ours, theirs = pipe
    events = EventWriter(theirs, clock=lambda: 12.5)
    events.phase("setup")
    events.progress(1, 3)
    events.step(Step(0, "warm_up", 1.0, 0.5, 0.25, loss=float("nan")))
    events.environment(torch="1.10.1")
    events.outcome(Outcome(test_accuracy=0.5))
    events.failure("refused", "no", field="model")
    events.end()
    lines = [json.loads(line, parse_constant=pytest.fail) for line in os.read(ours, 65536).splitlines()]
    assert {"event": "phase", "name": "setup", "at_s": 12.5} == lines[0]
    assert {"event": "progress", "done": 1, "total": 3} == lines[1]
    assert ("step", None, 0.5) == (lines[2]["event"], lines[2]["loss"], lines[2]["forward_s"])
    assert {"event": "environment", "values": {"torch": "1.10.1"}} == lines[3]
    assert ("outcome", 0.5) == (lines[4]["event"], lines[4]["test_accuracy"])
    assert {"event": "failure", "kind": "refused", "message": "no", "field": "model", "traceback": ""} == lines[5]
    assert {"event": "end", "at_s": 12.5} == lines[6]
