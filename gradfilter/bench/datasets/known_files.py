"""What was once read from a board's files, kept in its cache until a file changes.

Reading everything at the set-up of every run would take minutes on a memory card; only the first run,
the preparation, does so. A file has changed when its size differs, or the time of its last
change of content (mtime) or of anything (ctime): a copy that keeps the mtime still has a ctime of its own.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

from gradfilter.bench.file_hash import combined_hash, file_hash
from gradfilter.bench.whole_file import whole_file

_Known = Dict[str, List[Any]]  # by name below the folder: the stamp that the file had, and the fact


class KnownFiles:
    """Files of one folder. cache_dir: where facts of them are kept, as JSON."""

    def __init__(self, folder: Path, cache_dir: Path) -> None:
        self.folder = folder
        self._cache_dir = cache_dir

    def facts(self, kind: str, read: Callable[[Path], Any], paths: Sequence[Path]) -> List[Any]:
        """One fact of each file, a JSON value; only of new and changed files is it read. kind: a word for the fact."""
        known = self._load(kind)
        found: _Known = {}
        for path in paths:
            name, stamp = self._name(path), _stamp(path)
            before = known.get(name)
            found[name] = before if before and before[0] == stamp else [stamp, read(path)]
        if found != known:
            with whole_file(self._kept_in(kind)) as file:
                file.write(json.dumps(found).encode("utf-8"))
        return [found[self._name(path)][1] for path in paths]

    def content(self, paths: Sequence[Path]) -> str:
        """A hash of the files' names and contents: the same on every board that has the same files."""
        return combined_hash(dict(zip(map(self._name, paths), self.facts("content", file_hash, paths))))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _kept_in(self, kind: str) -> Path:
        folder = hashlib.sha256(str(self.folder.absolute()).encode("utf-8", "surrogateescape")).hexdigest()
        return self._cache_dir / ("known-%s-%s.json" % (kind, folder[:16]))

    def _load(self, kind: str) -> _Known:
        try:
            known: _Known = json.loads(self._kept_in(kind).read_bytes().decode("utf-8"))
        except (OSError, ValueError):  # not there yet, or damaged: then everything is read again
            return {}
        return known


def _stamp(path: Path) -> List[int]:
    seen = path.stat()
    return [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]
