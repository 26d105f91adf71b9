"""Copies of a live SQLite database, and bringing one back. A PostgreSQL server has tools of its own for both."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url

_OURS = "SELECT version_num FROM alembic_version"
_JOURNALS = ("-wal", "-shm", "-journal")


class BackupError(RuntimeError):
    """A copy that cannot be made or is none; str() says why and what to do."""


def back_up(url: str, target: Path) -> int:
    """Copy the database as it is at this moment, beside a controller that goes on writing; the copy's size in bytes.

    Raises:
        BackupError: it is no SQLite database, there is none, or the target is there already.
        OSError: the copy cannot be written.
    """
    source = _file_of(url)
    if not source.exists():
        raise BackupError(f"there is no database at {source} yet.")
    _copy(source, target)
    return target.stat().st_size


def restore(backup: Path, url: str) -> None:
    """Put a copy where a controller that is stopped finds it.

    Raises:
        BackupError: the file is no whole copy of a controller's database, or there is a database in its place, or what
            is left of one.
        OSError: it cannot be read or written.
    """
    target = _file_of(url)
    if not backup.exists():
        raise BackupError(f"there is no file {backup}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    _copy(backup, target)


def _file_of(url: str) -> Path:
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        raise BackupError("only SQLite is copied here; copy a PostgreSQL database with pg_dump and pg_restore.")
    return Path(address.database)


def _copy(source: Path, target: Path) -> None:
    """A whole copy or none; what is there already stays."""
    if target.exists():
        raise BackupError(
            f"{target} is there already; move it away first, with the controller stopped if it is its own."
        )
    for journal in (Path(f"{target}{ending}") for ending in _JOURNALS):
        if journal.exists():
            raise BackupError(
                f"{journal} is left of a database that was at {target}; move it away too, to where that database is: "
                "it may hold that one's last changes, and would damage what is put in its place."
            )
    with _new_file(target) as written, _opened(source) as original, closing(sqlite3.connect(written)) as copy:
        try:
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, without a journal beside it
            [(verdict,)] = copy.execute("PRAGMA quick_check(1)").fetchall()
            copy.execute(_OURS).fetchone()
        except sqlite3.DatabaseError as error:
            raise BackupError(f"{source} is no controller's database: {error}.") from error
        if verdict != "ok":
            raise BackupError(f"{source} is damaged: {verdict}.")


@contextmanager
def _opened(source: Path) -> Iterator[sqlite3.Connection]:
    """Read only, and where nobody ever wrote a journal without making one."""
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=20)) as connection:
        yield connection


@contextmanager
def _new_file(target: Path) -> Iterator[str]:
    """A name beside the target; what was written there becomes the target at the end, for its owner alone."""
    descriptor, written = tempfile.mkstemp(dir=target.absolute().parent, prefix=f".{target.name}.")
    os.close(descriptor)
    try:
        yield written
        descriptor = os.open(written, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        os.link(written, target)
    finally:
        Path(written).unlink()
