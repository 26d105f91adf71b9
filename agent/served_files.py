"""The files that a run leaves behind for people: what the worker wrote into the folder `files` of the run's own.

Only plain files directly in there, of names that are words, are seen: neither a path nor a link leads out.
"""

import re
from pathlib import Path

from agent.errors import UnknownFile
from agent.run_folder import RunFolder
from gradfilter.bench.schema import RunFile

MOST_FILES = 16
LARGEST_BYTES = 16 * 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


def list_files(folder: RunFolder) -> list[RunFile]:
    """Every file that can be fetched, by name; what is too large is left out."""
    if not folder.files.is_dir() or folder.files.is_symlink():
        return []
    found = [path for path in sorted(folder.files.iterdir()) if _is_served(path)]
    return [RunFile(path.name, path.stat().st_size) for path in found[:MOST_FILES]]


def find_file(folder: RunFolder, name: str) -> Path:
    """Where a file lies.

    Raises:
        UnknownFile: the run has no such file.
    """
    if name not in [file.name for file in list_files(folder)]:
        raise UnknownFile(f"run {folder.run_id!r} has no file {name[:120]!r}; GET its files to see which it has.")
    return folder.files / name


def _is_served(path: Path) -> bool:
    is_plain = path.is_file() and not path.is_symlink()
    return is_plain and _NAME.match(path.name) is not None and path.stat().st_size <= LARGEST_BYTES
