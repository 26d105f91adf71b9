"""Where one run lies on disk: <data dir>/runs/<run id>/.

    spec.json        the RunSpec, there as soon as the folder is
    events.jsonl     what happened, line by line: the agent's own events and the worker's
    samples.txt      the sampler's readings
    worker.log  sampler.log
    files/           what the worker leaves for people, such as a profile
    status.json      the final RunStatus with the record, exactly as the API answers it; it is written last,
                     at once and whole, so a folder without it is a run that never ended

The folder is kept until the API is told to forget the run.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from agent.errors import BadRunId
from gradfilter.bench.schema import RunSpec, RunStatus

_SPEC = TypeAdapter(RunSpec)
_STATUS = TypeAdapter(RunStatus)
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,99}\Z")
_TAIL_BYTES = 4096


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    @property
    def run_id(self) -> str:
        """The run that lies here."""
        return self.path.name

    @property
    def events(self) -> Path:
        """The journal."""
        return self.path / "events.jsonl"

    @property
    def samples(self) -> Path:
        """The sampler's readings."""
        return self.path / "samples.txt"

    @property
    def worker_log(self) -> Path:
        """What the worker printed."""
        return self.path / "worker.log"

    @property
    def sampler_log(self) -> Path:
        """What the sampler printed, which is nothing unless it crashed."""
        return self.path / "sampler.log"

    @property
    def files(self) -> Path:
        """What the worker leaves for people; there only where it does."""
        return self.path / "files"

    @property
    def status(self) -> Path:
        """The final answer."""
        return self.path / "status.json"

    @property
    def has_ended(self) -> bool:
        """Whether the final answer is written."""
        return self.status.exists()

    def spec(self) -> RunSpec:
        """The run as it was asked for."""
        return _SPEC.validate_json((self.path / "spec.json").read_bytes())

    def end(self, status: RunStatus) -> None:
        """Write the final answer; once this returns it survives a power cut."""
        write_durably(self.status, _STATUS.dump_json(status))

    def log_tail(self) -> str:
        """The last 4 kB that the worker printed."""
        if not self.worker_log.exists():
            return ""
        with self.worker_log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace")

    def set_aside(self) -> None:
        """Hide a folder that cannot be read, for a person to look at."""
        self.path.rename(self.path.with_name(f".unreadable-{self.run_id}-{time.time():.0f}"))

    def forget(self) -> None:
        """Delete the run and all that was recorded of it."""
        # Hidden first: half of a folder would look like a run that never ended.
        hidden = self.path.with_name(f".{self.run_id}")
        shutil.rmtree(hidden, ignore_errors=True)
        self.path.rename(hidden)
        shutil.rmtree(hidden)


@dataclass(frozen=True)
class RunFolders:
    """All runs that this agent still holds."""

    path: Path

    def folder(self, run_id: str) -> RunFolder:
        """Where a run lies, or would lie.

        Raises:
            BadRunId: the id cannot be a folder's name.
        """
        if not _RUN_ID.match(run_id) or ".." in run_id:
            raise BadRunId(
                "run_id must be 1 to 100 letters, digits or . _ : + - and start with a letter or digit, "
                f"got {run_id[:120]!r}."
            )
        return RunFolder(self.path / run_id)

    def create(self, spec: RunSpec) -> RunFolder:
        """A new run's folder, which appears with its spec in it or not at all."""
        folder = self.folder(spec.run_id)
        unborn = self.path / f".{spec.run_id}"
        shutil.rmtree(unborn, ignore_errors=True)
        unborn.mkdir(parents=True)
        write_durably(unborn / "spec.json", _SPEC.dump_json(spec))
        unborn.rename(folder.path)
        _sync_folder(self.path)
        return folder

    def __iter__(self) -> Iterator[RunFolder]:
        if self.path.exists():
            for path in sorted(self.path.iterdir()):
                if not path.name.startswith("."):
                    yield RunFolder(path)


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file's content as a whole: a reader, or a power cut, meets the old one or the new one."""
    half = path.with_name(path.name + ".half")
    with half.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Have the names in a folder reach the disk."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
