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
