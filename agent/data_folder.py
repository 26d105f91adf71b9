"""The agent's folder on disk: its runs, what its workers keep, the lease it has seen; for one agent at a time."""

import fcntl
import os
import shutil
from pathlib import Path

from agent.errors import AgentError, DiskTooFull
from agent.run_folder import RunFolders


class DataFolder:
    """Made and locked on construction, which fails if another agent holds it."""

    def __init__(self, path: Path, min_free_bytes: int) -> None:
        self.path = path.absolute()
        self._min_free_bytes = min_free_bytes
        self.runs.path.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.path / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise AgentError(
                f"another agent already works in {self.path}. Stop it, or give this one its own --data-dir."
            ) from error

    def close(self) -> None:
        """Let another agent have it."""
        os.close(self._lock)

    @property
    def runs(self) -> RunFolders:
        """The runs that are kept."""
        return RunFolders(self.path / "runs")

    @property
    def lease_token(self) -> Path:
        """The highest fencing token seen."""
        return self.path / "lease_token"

    @property
    def forgotten_runs(self) -> Path:
        """The runs that were deleted last."""
        return self.path / "forgotten_runs"

    @property
    def worker_description(self) -> Path:
        """What the worker's Python offered when it was last asked."""
        return self.path / "worker.json"

    def require_space(self) -> None:
        """Raise DiskTooFull if too little is left to keep what a run records."""
        free = shutil.disk_usage(self.path).free
        if free < self._min_free_bytes:
            raise DiskTooFull(
                f"{self.path} has {free / 1e6:.0f} MB left; a run needs {self._min_free_bytes / 1e6:.0f} MB "
                "(GRADFILTER_AGENT_MIN_FREE_BYTES). Free some space, or have fetched runs deleted."
            )
