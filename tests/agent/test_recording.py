"""What a worker's lines add up to."""

from agent.events import decode
from agent.recording import Recording
from gradfilter.bench.schema import Phase

LINES = (
    b'{"event": "phase", "name": "warm_up", "at_s": 1.0}',
    b'{"event": "phase", "name": "measured", "at_s": 2.0}',
    b'{"event": "phase", "name": "evaluation", "at_s": 5.0, "ended_pss_bytes": 300000000}',
    b'{"event": "end", "at_s": 6.0}',
)


def test_memory_belongs_to_the_phase_that_ended():
    """A phase ends where the next begins, and the memory told there is what it had."""
    recording = Recording()
    for line in LINES:
        recording.add(decode(line))
    assert [
        Phase("warm_up", 1.0, 2.0),
        Phase("measured", 2.0, 5.0, pss_bytes=300_000_000),
        Phase("evaluation", 5.0, 6.0),
    ] == recording.phases
