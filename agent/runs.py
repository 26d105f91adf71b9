"""The runs that this agent was given: one at most is going on, the others have ended and are kept until forgotten."""

import asyncio
import errno
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from agent.active_run import ActiveRun, StopReason
from agent.changes import Changes
from agent.errors import AgentStopping, DiskTooFull, OtherRunActive, OtherSpec, RunStillGoing, UnknownRun
from agent.execution import Bench, execute, recover
from agent.forgotten_runs import ForgottenRuns
from agent.lease import Lease
from agent.run_folder import RunFolder
from agent.served_files import find_file, list_files
from gradfilter.bench.schema import RunFile, RunRecord, RunSpec, RunStatus

_log = logging.getLogger(__name__)
_UNKNOWN = "run {!r} is not known here; it was never sent, or it was deleted."


@dataclass(frozen=True)
class Seen:
    """What the caller of a long poll saw last; None where it saw nothing or does not care."""

    state: str | None = None
    phase: str | None = None
    done: int | None = None

    def is_still(self, status: RunStatus) -> bool:
        """Whether nothing has changed since."""
        pairs = ((self.state, status.state), (self.phase, status.phase), (self.done, status.done))
        return all(seen is None or seen == now for seen, now in pairs)


class Runs:
    """Accepts, shows, stops and forgets runs. Every changing call shows the lease's token."""

    def __init__(self, bench: Bench, on_end: Callable[[RunRecord | None], None]) -> None:
        self._bench = bench
        self._lease = Lease(bench.data.lease_token)
        self._forgotten = ForgottenRuns(bench.data.forgotten_runs)
        self._on_end = on_end
        self._changes = Changes()
        self._lock = threading.Lock()
        self._active: ActiveRun | None = None
        self._unwritten: dict[str, RunStatus] = {}  # ends for which the disk had no room
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def active(self) -> RunStatus | None:
        """The run that is going on."""
        active = self._active
        return active.status if active else None

    def recover(self) -> None:
        """End what an agent before this one left behind."""
        for folder in self._bench.data.runs:
            try:
                self._recover(folder)
            except ValueError:  # noqa: PERF203 - one bad folder must not hide the others
                _log.exception("run %s cannot be read, so it is set aside", folder.run_id)
                folder.set_aside()
            except OSError:  # mostly a full disk: whoever asks for the run has it tried again
                _log.exception("the end of run %s cannot be written", folder.run_id)

    def start(self, spec: RunSpec, token: int) -> RunStatus | RunFolder:
        """Begin a run, then look. A run that is known is left alone: a PUT is sent again after a timeout.

        Raises:
            Conflict: the board is taken, the lease is over, or the id was used for another spec.
            ForgottenRun: it was deleted here; this order comes late, or twice.
            DiskTooFull: its record might not fit.
        """
        self._lease.check(token)
        with self._lock:
            folder = self._bench.data.runs.folder(spec.run_id)
            if folder.path.exists():
                return self._known(folder, spec)
            self._forgotten.check(spec.run_id)
            if self._stopping:
                raise AgentStopping("the agent is shutting down. Send the run again once it is back.")
            if self._active is not None:
                raise OtherRunActive(f"run {self._active.spec.run_id!r} is active. Wait for its end or cancel it.")
            self._bench.data.require_space()
            active = ActiveRun(spec, self._bench.data.runs.create(spec), self._changes.announce)
            self._active = active
            self._thread = threading.Thread(target=self._execute, args=[active], name=f"run {spec.run_id}")
            self._thread.start()
            return active.status

    def look(self, run_id: str) -> RunStatus | RunFolder:
        """Where a run is now if it is going on, else the folder that holds its final status.

        Raises:
            UnknownRun: there is no such run.
        """
        folder = self._folder(run_id)
        # Active first: who reads a record may send the next run, so this one must have left the board by then.
        if (status := self._status_of(run_id)) is not None:
            return status
        if folder.has_ended:
            return folder
        with self._lock:  # either a PUT is just making it, or its end could not be written when it ended
            if (status := self._status_of(run_id)) is not None:
                return status
            self._recover(folder)
        return folder

    async def wait(self, run_id: str, seen: Seen, seconds: float, rest_s: float = 0.0) -> RunStatus | RunFolder:
        """Look, but not before the run has ended or differs from what was seen, or that many seconds are over.

        A difference is told after rest_s seconds at the soonest, the end at once.
        """
        began_s = time.monotonic()
        rest_s = min(rest_s, seconds)
        while True:
            change = self._changes.next()  # before looking, so that no change falls in between
            found = self.look(run_id)
            passed_s = time.monotonic() - began_s
            if isinstance(found, RunFolder) or passed_s >= seconds:
                return found
            if passed_s >= rest_s and not seen.is_still(found):
                return found
            if seen == Seen():
                seen = Seen(found.state, found.phase, found.done)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(change.wait(), (seconds if passed_s >= rest_s else rest_s) - passed_s)

    async def traced(self, status: RunStatus, after_s: float) -> RunStatus:
        """The status of a run that goes on, with what it has shown after this instant."""
        active = self._active
        if active is None or active.spec.run_id != status.run_id:
            return status
        return replace(status, trace=await asyncio.to_thread(active.trace, after_s))

    def files(self, run_id: str) -> list[RunFile]:
        """What a run left for people.

        Raises:
            UnknownRun: there is no such run.
        """
        return list_files(self._folder(run_id))

    def file(self, run_id: str, name: str) -> Path:
        """Where one of those files lies.

        Raises:
            UnknownRun: there is no such run.
            UnknownFile: the run has no such file.
        """
        return find_file(self._folder(run_id), name)

    def cancel(self, run_id: str, token: int) -> None:
        """Ask a run to stop; one that has ended stays as it is."""
        self._lease.check(token)
        with self._lock:  # a PUT may be making it just now
            self._folder(run_id)
            active = self._active
        if active is not None and active.spec.run_id == run_id:
            active.stop("cancelled")

    def forget(self, run_id: str, token: int) -> None:
        """Delete what is kept of a run; one that is unknown cannot come any more.

        Raises:
            RunStillGoing: it has not ended.
            UnknownRun: there is no such run.
        """
        self._lease.check(token)
        with self._lock:
            folder = self._bench.data.runs.folder(run_id)
            if self._status_of(run_id) is not None:
                raise RunStillGoing(f"run {run_id!r} has not ended. Cancel it first, or wait.")
            self._forgotten.add(run_id)  # first: who dies between the two must not measure it again
            is_known = folder.path.exists()
            if is_known:
                folder.forget()
                self._unwritten.pop(run_id, None)
        if not is_known:
            raise UnknownRun(_UNKNOWN.format(run_id))

    def stop(self, reason: StopReason = "agent_stopping") -> None:
        """Ask the active run to stop and take no other. Safe in a signal handler."""
        self._stopping = True
        active = self._active
        if active is not None:
            active.stop(reason)

    def join(self) -> None:
        """Wait until the last run's record is on disk."""
        if self._thread is not None:
            self._thread.join()

    def _folder(self, run_id: str) -> RunFolder:
        folder = self._bench.data.runs.folder(run_id)
        if not folder.path.exists():
            raise UnknownRun(_UNKNOWN.format(run_id))
        return folder

    def _known(self, folder: RunFolder, spec: RunSpec) -> RunStatus | RunFolder:
        if folder.spec() != spec:
            raise OtherSpec(f"run {spec.run_id!r} is known with a different spec. Choose a new run id.")
        status = self._status_of(spec.run_id)
        if status is None:
            self._recover(folder)
        return status or folder

    def _status_of(self, run_id: str) -> RunStatus | None:
        """Where a run is, if it is the active one."""
        active = self._active
        return active.status if active is not None and active.spec.run_id == run_id else None

    def _recover(self, folder: RunFolder) -> None:
        """Write the end of a run that has none: what it came to, or that it was abandoned by the agent before."""
        if folder.has_ended:
            return
        status = self._unwritten.get(folder.run_id) or recover(folder)
        try:
            folder.end(status)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise DiskTooFull(f"the end of run {folder.run_id!r} cannot be written. Free some space.") from error
        if self._unwritten.pop(folder.run_id, None) is None:
            self._on_end(status.record)
            _log.warning("run %s was abandoned; it is recorded as lost", folder.run_id)

    def _execute(self, active: ActiveRun) -> None:
        record = None
        try:
            status = execute(active, self._bench)
            record = status.record
            self._end(active.folder, status)
        except OSError:  # whoever asks for the run has it recovered
            _log.exception("run %s could not be carried out", active.spec.run_id)
        finally:
            with self._lock:
                self._active = None
            self._on_end(record)
            self._changes.announce()
            _log.info("run %s is %s", active.spec.run_id, record.state if record else "lost")

    def _end(self, folder: RunFolder, status: RunStatus) -> None:
        try:
            folder.end(status)
        except OSError:  # mostly a full disk: whoever asks for the run has it tried again
            _log.exception("the end of run %s cannot be written", folder.run_id)
            self._unwritten[folder.run_id] = status
