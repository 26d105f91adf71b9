"""What the worker's Python offers: asked of it once at start, in the background, because importing torch takes long."""

import logging
import os
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter, ValidationError

from agent.errors import DescriptionFailed
from agent.run_folder import write_durably
from gradfilter.bench.schema import SCHEMA_VERSION, WorkerDescription

_log = logging.getLogger(__name__)
_PATIENCE_S = 300.0
_MISUSED = 2  # what argparse exits with: it does not know these flags
_DESCRIPTION = TypeAdapter(WorkerDescription)


@dataclass
class _Remembered:
    """The last good answer, and the command that gave it."""

    command: list[str]
    description: WorkerDescription


_REMEMBERED = TypeAdapter(_Remembered)


class DescribedWorker:
    """Before the answer comes, the last agent's answer stands, if it asked the same."""

    def __init__(self, command: list[str], remembered: Path) -> None:
        self.description = _recall(remembered, command)
        self.error = "" if self.description else "the worker's Python is being asked what it offers. Look again soon."
        self.answered = threading.Event()
        self._command = command
        self._remembered = remembered
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._ask, name="describe worker", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Stop asking, if the answer has not come."""
        self._stopped = True
        self._kill()
        self._thread.join()

    def _kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _ask(self) -> None:
        try:
            self.description, self.error = self._answer(), ""
        except (DescriptionFailed, OSError) as error:
            self.description, self.error = None, f"{error} Fix it and restart the agent."
        else:
            write_durably(self._remembered, _REMEMBERED.dump_json(_Remembered(self._command, self.description)))
        finally:
            self.answered.set()
        if self.error and not self._stopped:
            _log.error("no run can start: %s", self.error)

    def _answer(self) -> WorkerDescription:
        command = self._command
        try:
            with tempfile.TemporaryFile() as log:
                code, printed = self._run(command, log)
                log.seek(0)
                complaint = log.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
        except OSError as error:
            raise DescriptionFailed(f"{command[0]!r} cannot be started: {error.strerror}.") from error
        if code < 0:
            raise DescriptionFailed(f"{' '.join(command)!r} was ended by {_named(-code)}.")
        if code != 0:
            said = complaint or "it said nothing"
            hint = " Its gradfilter may be older than this agent." if code == _MISUSED else ""
            raise DescriptionFailed(f"{' '.join(command)!r} exited with code {code}: {said}.{hint}")
        return _parsed(printed, " ".join(command))

    def _run(self, command: list[str], log: IO[bytes]) -> tuple[int, bytes]:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        ) as process:
            self._process = process
            try:
                printed, _ = process.communicate(timeout=_PATIENCE_S)
            except subprocess.TimeoutExpired as error:
                self._kill()
                raise DescriptionFailed(f"{' '.join(command)!r} gave no answer in {_PATIENCE_S:g} s.") from error
        return process.returncode, printed


def _named(number: int) -> str:
    """A signal's name, and what it tells of a Python that only said what it offers."""
    name = signal.Signals(number).name
    return f"{name}: its torch is built for a newer processor than this" if name == "SIGILL" else name


def _parsed(printed: bytes, command: str) -> WorkerDescription:
    try:
        description = _DESCRIPTION.validate_json(printed)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise DescriptionFailed(
            f"what {command!r} printed is no description of a worker: {where}: {first['msg']}."
        ) from error
    if description.schema_version != SCHEMA_VERSION:
        raise DescriptionFailed(
            f"the worker's Python speaks schema version {description.schema_version}, this agent {SCHEMA_VERSION}: "
            "install the same gradfilter for both."
        )
    return description


def _recall(path: Path, command: list[str]) -> WorkerDescription | None:
    try:
        remembered = _REMEMBERED.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return remembered.description if remembered.command == command else None
