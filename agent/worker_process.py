"""The worker: a process of its own Python and its own process group, started for one run and gone after it."""

import fcntl
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from pydantic import TypeAdapter

from agent.errors import WorkerNotStarted, WorkerProtocolError
from agent.events import Event, decode
from agent.run_folder import RunFolder
from agent.settings import AgentSettings
from agent.worker_command import worker_command
from gradfilter.bench.schema import RunSpec

_log = logging.getLogger(__name__)
_SPEC = TypeAdapter(RunSpec)
_LOOK_S = 0.2  # how often time limit, stop request and death are looked at while the worker says nothing
_LONGEST_EVENT = 4 * 1024 * 1024
_DEFAULT_PIPE_BYTES = 65536

Cut = Literal["", "time_limit", "stopped"]


@dataclass(frozen=True)
class WorkerExit:
    """How the worker ended. cut: what the agent ended it for; '' when it ended by itself."""

    code: int
    cut: Cut


class WorkerProcess:
    """Started on construction; close() kills whatever is left of the process group.

    Raises:
        WorkerNotStarted: the Python is not there, or may not be executed.
    """

    def __init__(self, spec: RunSpec, folder: RunFolder, settings: AgentSettings, data_dir: Path) -> None:
        self._grace_s = settings.stop_grace_s
        self._limit_s = spec.limits.run_s
        self._started_s = time.monotonic()
        self._cut: Cut = ""
        self._kill_at_s: float | None = None
        self._unread = b""
        self._events, writing_end = os.pipe()
        try:
            self._process = _start(worker_command(settings, data_dir, "run"), folder, writing_end)
        except OSError as error:
            os.close(self._events)
            raise WorkerNotStarted(error.strerror) from error
        finally:
            os.close(writing_end)
        self._stdin = cast("IO[bytes]", self._process.stdin)
        _sacrifice_first(self._process.pid)
        self._tell(_SPEC.dump_json(spec) + b"\n")

    @property
    def pid(self) -> int:
        """The worker's process id, which is its group's id too."""
        return self._process.pid

    def close(self) -> None:
        """Leave nothing behind: no process of the group, no pipe."""
        self._signal_group(signal.SIGKILL)
        self._process.wait()
        os.close(self._events)
        self._stdin.close()

    def events(self, stop_asked: Callable[[], bool]) -> Iterator[Event]:
        """What the worker says, until it has ended by itself or by the time limit or because a stop was asked for.

        Raises:
            WorkerProtocolError: it said something that is not an event.
        """
        pipe_open = True
        while self._process.poll() is None:
            self._enforce(stop_asked())
            if pipe_open:
                lines, pipe_open = self._read(_LOOK_S)
                yield from self._decoded(lines)
            else:
                self._cut_off_in(self._grace_s)  # it has said all it will; it should end by itself now
                self._wait(_LOOK_S)
        while pipe_open:  # what it wrote just before it died
            lines, pipe_open = self._read(0)
            yield from self._decoded(lines)
            if not lines:
                break

    def exit(self) -> WorkerExit:
        """How the worker ended; called after events() is exhausted."""
        return WorkerExit(self._process.wait(), self._cut)

    def _enforce(self, stop_asked: bool) -> None:
        now = time.monotonic()
        if not self._cut and (stop_asked or now - self._started_s > self._limit_s):
            self._cut = "stopped" if stop_asked else "time_limit"
            self._signal_group(signal.SIGTERM)
            self._cut_off_in(self._grace_s)
        if self._kill_at_s is not None and now > self._kill_at_s:
            self._signal_group(signal.SIGKILL)

    def _cut_off_in(self, seconds: float) -> None:
        if self._kill_at_s is None:
            self._kill_at_s = time.monotonic() + seconds

    def _read(self, timeout_s: float) -> tuple[list[bytes], bool]:
        """Whole lines that have come, and whether more may follow."""
        if not select.select([self._events], [], [], timeout_s)[0]:
            return [], True
        block = os.read(self._events, 65536)
        *lines, self._unread = (self._unread + block).split(b"\n")
        if len(self._unread) > _LONGEST_EVENT:
            raise WorkerProtocolError(f"a line longer than {_LONGEST_EVENT} bytes")
        return lines, bool(block)

    def _decoded(self, lines: list[bytes]) -> Iterator[Event]:
        for line in lines:
            event = decode(line)
            if event is not None:
                yield event

    def _wait(self, seconds: float) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def _signal_group(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _tell(self, line: bytes) -> None:
        """Write to the worker's stdin, which then stays open: its end would tell the worker that the agent died."""
        try:
            if len(line) > _DEFAULT_PIPE_BYTES:  # the pipe must take it all, or a worker that never reads would hold us
                fcntl.fcntl(self._stdin, fcntl.F_SETPIPE_SZ, len(line))
            self._stdin.write(line)
        except BrokenPipeError:
            return  # it is dead already; its exit code tells more


def _start(command: list[str], folder: RunFolder, events: int) -> "subprocess.Popen[bytes]":
    with folder.worker_log.open("ab") as log:
        return subprocess.Popen(
            [*command, "--events-fd", str(events)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            bufsize=0,
            pass_fds=[events],
            start_new_session=True,
            cwd=folder.path,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def _sacrifice_first(pid: int) -> None:
    """When memory runs out the kernel should take the worker, not the agent."""
    try:
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
    except OSError as error:
        _log.warning("the worker is not marked as the first to go when memory runs out: %s", error)
