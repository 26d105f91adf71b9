"""What is known of a run so far: built from its events as they come, or from the journal after a crash."""

import errno
import logging
import os
import time
from dataclasses import dataclass, field
from typing import Any

from agent.errors import WorkerProtocolError
from agent.events import Ended, Environment, Event, PhaseBegan, Progressed, Started, decode, encode
from agent.run_folder import RunFolder
from agent.samples import Samples
from gradfilter.bench.schema import Failure, Outcome, Phase, RunRecord, RunSpec, Step

_log = logging.getLogger(__name__)


@dataclass
class Recording:
    """The state that a run's events add up to."""

    started_at: str = ""
    environment: dict[str, Any] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    failure: Failure | None = None
    complete: bool = False
    done: int = 0
    total: int = 0
    _open: bool = False
    """Whether the last phase is still going on."""

    @property
    def phase(self) -> str:
        """The phase that is going on, or the last one; '' before the first."""
        return self.phases[-1].name if self.phases else ""

    def add(self, event: Event) -> None:
        """Take in what happened next."""
        match event:
            case Started(started_at, environment):
                self.started_at = started_at
                self.environment.update(environment)
            case PhaseBegan(name, at_s, ended_pss_bytes):
                self._begin(name, at_s, ended_pss_bytes)
            case Progressed(done, total):
                self.done, self.total = done, total
            case Step():
                self.steps.append(event)
                self._reach(event.start_s + event.forward_s + event.backward_s + event.optimizer_s)
            case Environment(values):
                self.environment.update(values)
            case Outcome():
                self.outcome = event
            case Failure():
                self.failure = event
            case Ended(at_s):
                self.complete = True
                self.close(at_s)

    def close(self, at_s: float) -> None:
        """End the phase that is going on."""
        self._reach(at_s)
        self._open = False

    def record(self, spec: RunSpec, state: Any, samples: Samples, log_tail: str) -> RunRecord:
        """The run's record as it is now."""
        return RunRecord(
            spec=spec,
            state=state,
            phases=self.phases,
            steps=self.steps,
            series=samples.series,
            outcome=self.outcome,
            environment=self.environment,
            sensors=samples.sensors,
            sampler=samples.report,
            failure=self.failure,
            log_tail=log_tail,
            started_at=self.started_at,
        )

    def _begin(self, name: str, at_s: float, ended_pss_bytes: int | None) -> None:
        if self._open and self.phase == name:  # the agent begins "setup" when it starts the worker, who says so too
            return
        self._reach(at_s)
        if self.phases and ended_pss_bytes is not None:
            self.phases[-1].pss_bytes = ended_pss_bytes
        self.phases.append(Phase(name, at_s, at_s))
        self._open = True

    def _reach(self, at_s: float) -> None:
        if self._open:
            self.phases[-1].end_s = max(self.phases[-1].end_s, at_s)


class Journal:
    """A recording whose events go to disk as they come; progress is not worth keeping.

    On a full disk it goes on in memory: the run is lost only if the agent dies before there is room for its end.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.recording = Recording()
        self._torn = b""
        self._file = os.open(folder.events, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def close(self) -> None:
        """Nothing more will happen."""
        os.close(self._file)

    def add(self, event: Event) -> None:
        """Take in and write down what happened."""
        self.recording.add(event)
        if not isinstance(event, Progressed):
            self._write(encode(event))

    def _write(self, line: bytes) -> None:
        whole = self._torn + line
        try:
            written = os.write(self._file, whole)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            written = 0
        if written:  # of a line for which there was no room half may stand there: the next one begins anew
            self._torn = b"" if written == len(whole) else b"\n"
        if written < len(whole):
            _log.warning("an event is not written, since the disk is full")

    def begin_phase(self, name: str) -> None:
        """The agent's own phases, on the clock that the worker uses too."""
        self.add(PhaseBegan(name, time.monotonic()))


def replay(folder: RunFolder) -> Recording:
    """What an abandoned run's journal adds up to; a line that was cut off is left out."""
    recording = Recording()
    lines = folder.events.read_bytes().split(b"\n")[:-1] if folder.events.exists() else []
    for line in lines:
        try:
            event = decode(line)
        except WorkerProtocolError:  # a power cut can leave a block of zeros in the middle of a file
            continue
        if event is not None:
            recording.add(event)
    return recording
