"""The worker's only output for machines: JSON lines on an inherited file descriptor.

Each line is one write and strict JSON (no NaN), so that a reader never sees half an event of a
living worker. stdout and stderr stay free for the run's log.
"""

import json
import os
import time
from typing import Any, Callable, Set

from gradfilter.bench.decoding import encode
from gradfilter.bench.pss import read_pss
from gradfilter.bench.schema import Outcome, Step

_STEPS = ("warm_up", "measured")


class EventWriter:
    """Writes events to a file descriptor. Instants are seconds of the monotonic clock.

    With a phase that holds no steps comes the memory at the end of the one before: reading it disturbs
    only that phase, and is done the first time that a phase ends, and before every evaluation.
    """

    def __init__(self, descriptor: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._descriptor = descriptor
        self._clock = clock
        self._ended: Set[str] = set()
        self._phase = ""

    def phase(self, name: str) -> None:
        """Start a phase and end the one before."""
        at_s = self._clock()
        ended, self._phase = self._phase, name
        is_due = name == "evaluation" or ended not in self._ended
        pss_bytes = read_pss() if ended and is_due and name not in _STEPS else None
        if pss_bytes is None:
            self._write("phase", name=name, at_s=at_s)
        else:
            self._ended.add(ended)
            self._write("phase", name=name, at_s=at_s, ended_pss_bytes=pss_bytes)

    def progress(self, done: int, total: int) -> None:
        """Say how much of the run's work is done, for progress bars."""
        self._write("progress", done=done, total=total)

    def step(self, step: Step) -> None:
        """Report one step; called outside its marks."""
        self._write("step", **encode(step))

    def environment(self, **values: Any) -> None:
        """Report what the run ran on; a later event adds to an earlier one."""
        self._write("environment", values=encode(values))

    def outcome(self, outcome: Outcome) -> None:
        """Report the results that are not steps."""
        self._write("outcome", **encode(outcome))

    def failure(self, kind: str, message: str, field: str = "", traceback: str = "") -> None:
        """Report why the run has no complete result."""
        self._write("failure", kind=kind, message=message, field=field, traceback=traceback)

    def end(self) -> None:
        """Close the record; without this line the run did not complete."""
        self._write("end", at_s=self._clock())

    def _write(self, event: str, **fields: Any) -> None:
        line = json.dumps(dict(event=event, **fields), allow_nan=False) + "\n"
        remaining = line.encode("utf-8")
        while remaining:  # a pipe takes a long line in pieces when its buffer is nearly full
            remaining = remaining[os.write(self._descriptor, remaining) :]
