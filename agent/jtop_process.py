"""The process of agent/jtop_reader.py, in a Python that has jetson-stats."""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

Message = dict[str, Any]

_READER = Path(__file__).with_name("jtop_reader.py")
_LOOK_FOR_S = 5.0
_HAS_JTOP = "import importlib.util as u, sys; sys.exit(u.find_spec('jtop') is None)"
_CHUNK = 65536


class JtopProcess:
    """Started on construction, in a session of its own so that it can be killed with whatever it started.

    It ends with this object at the latest. `ended` says that its output has come to its end.
    """

    def __init__(self, python: str, interval_s: float) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [python, str(_READER), "--interval", str(interval_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._output = cast("IO[bytes]", self._process.stdout).fileno()
        os.set_blocking(self._output, False)
        self._begun = b""
        self.ended = False
        self._finalizer = weakref.finalize(self, _kill, self._process)

    def drain(self) -> list[Message]:
        """What it has said since the last call, without waiting; a line that is no JSON object says nothing."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._output, _CHUNK):
                self._begun += chunk
            self.ended = True
        *lines, self._begun = self._begun.split(b"\n")
        return [message for line in lines if (message := _message(line))]

    def wait(self, seconds: float) -> None:
        """Wait until it says something or ends, but not longer than that."""
        select.select([self._output], [], [], max(seconds, 0))

    def last_words(self) -> str:
        """The last line of its stderr: of a traceback, the error."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else "it said nothing"

    def kill(self) -> None:
        """End it now, and everything it started."""
        self._finalizer()
        self._errors.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        cast("IO[bytes]", pipe).close()


def _message(line: bytes) -> Message | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def find_python(named: str) -> tuple[str, list[str]]:
    """The Python to use, '' where there is none, and those that were tried.

    The one that is named is taken at its word; else every python3 on the path and the system's are asked whether
    they could import jtop, which they do not do.
    """
    if named:
        return named, [named]
    folders = [Path(folder) for folder in (*os.get_exec_path(), "/usr/bin")]
    tried = list(dict.fromkeys(str(folder / "python3") for folder in folders if shutil.which(folder / "python3")))
    return next((python for python in tried if _has_jtop(python)), ""), tried


def _has_jtop(python: str) -> bool:
    try:
        asked = subprocess.run([python, "-c", _HAS_JTOP], capture_output=True, timeout=_LOOK_FOR_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
