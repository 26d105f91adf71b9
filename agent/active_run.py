"""The one run that is going on: what it is doing, and whether somebody wants it stopped."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from agent.live_trace import LiveTrace
from agent.recording import Recording
from agent.run_folder import RunFolder
from gradfilter.bench.schema import RunSpec, RunStatus, Trace

StopReason = Literal["cancelled", "agent_stopping"]


class RunStopped(Exception):  # noqa: N818 - it is no error: somebody asked for it
    """Unwinds the execution of a run that was asked to stop."""


class ActiveRun:
    """Shared between the thread that executes the run and the requests that ask about it."""

    def __init__(self, spec: RunSpec, folder: RunFolder, announce: Callable[[], None]) -> None:
        self.spec = spec
        self.folder = folder
        self._announce = announce
        self._status = RunStatus(spec.run_id, "accepted")
        self._stop_asked = threading.Event()
        self._stop_reason: StopReason | None = None
        self._trace: LiveTrace | None = None

    @property
    def status(self) -> RunStatus:
        """Where the run is now; the object is never changed afterwards."""
        return self._status

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the run was asked to stop, None if it was not."""
        return self._stop_reason

    def show(self, state: str, recording: Recording) -> None:
        """Publish where the run has got to."""
        if self._trace is None:
            self._trace = LiveTrace(self.folder.samples, recording.steps, self.spec.workload.compute)
        status = replace(self._status, state=state, phase=recording.phase, done=recording.done, total=recording.total)
        if status != self._status:
            self._status = status
            self._announce()

    def trace(self, after_s: float) -> Trace:
        """What the run has shown after this instant, a point a second; it is read from disk."""
        return self._trace.since(after_s) if self._trace is not None else Trace()

    def stop(self, reason: StopReason) -> None:
        """Ask the run to stop; the first reason stands. Safe in a signal handler."""
        if self._stop_reason is None:
            self._stop_reason = reason
        self._stop_asked.set()

    def rest(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            RunStopped: the run was asked to stop.
        """
        if self._stop_asked.wait(seconds):
            raise RunStopped
