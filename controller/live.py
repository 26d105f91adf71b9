"""What the boards do at this moment, in memory, and the watchers who are told of every change.

Written on the event loop; read from any thread, since each answer is one look into a dictionary.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from controller.jobs import RunningNow
from gradfilter.bench.schema import Trace

MOST_POINTS = 900  # a quarter of an hour, a point a second


@dataclass(frozen=True)
class Now:
    """A job at this moment: the run on its board, or what it waits for."""

    running: RunningNow | None = None
    waiting_for: str = ""


_COLUMNS = ("times_s", "power_w", "temperature_c", "step_s")


class Live:
    """One event loop's view of its jobs. Made on that loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._now: dict[str, Now] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._traces: dict[str, Trace] = {}
        self.has_ended = False

    def end(self) -> None:
        """Send all watchers away, because the service stops; has_ended tells them so."""
        self.has_ended = True
        for job_id in list(self._watchers):
            self._wake(job_id)

    def now(self, job_id: str) -> Now:
        """The job at this moment; nothing when no board works for it."""
        return self._now.get(job_id, Now())

    def show(self, job_id: str, now: Now) -> None:
        """Say what the job does now."""
        if self._now.get(job_id) != now:
            self._now[job_id] = now
            self._wake(job_id)

    def trace(self, job_id: str) -> Trace:
        """What the job's board has shown in the last quarter of an hour, across its runs."""
        return self._traces.get(job_id, Trace())

    def seen_until_s(self, job_id: str) -> float:
        """The instant on the board's clock up to which the trace is known; before all of them where there is none."""
        times_s = self.trace(job_id).times_s
        return times_s[-1] if times_s else -1.0

    def add_trace(self, job_id: str, more: Trace) -> None:
        """Lengthen a job's trace; a clock that begins anew, after a reboot of the board, begins it anew."""
        if not more.times_s:
            return
        known = self.trace(job_id)
        if known.times_s and more.times_s[0] <= known.times_s[-1]:
            known = Trace()
        columns = ([*getattr(known, name), *getattr(more, name)][-MOST_POINTS:] for name in _COLUMNS)
        self._traces[job_id] = Trace(*columns)
        self._wake(job_id)

    def forget(self, job_id: str) -> None:
        """The job is off its board."""
        self._now.pop(job_id, None)
        self._traces.pop(job_id, None)
        self._wake(job_id)

    def changed(self, job_id: str) -> None:
        """Something about the job changed in the database; from any thread."""
        self._loop.call_soon_threadsafe(self._wake, job_id)

    def all_changed(self) -> None:
        """Something changed that any job may wait for; from any thread."""
        for job_id in list(self._watchers):
            self.changed(job_id)

    @contextmanager
    def watch(self, job_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change; a slow watcher sees the newest state, not every one."""
        event = asyncio.Event()
        watchers = self._watchers.setdefault(job_id, set())
        watchers.add(event)
        try:
            yield event
        finally:
            watchers.discard(event)
            if not watchers:
                self._watchers.pop(job_id, None)

    def _wake(self, job_id: str) -> None:
        for event in self._watchers.get(job_id, ()):
            event.set()
