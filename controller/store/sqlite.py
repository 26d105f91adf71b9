"""What is particular to SQLite: one writer at a time beside readers, and tables that are copied to be changed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

_BUSY_TIMEOUT_MS = 20_000
SNAPSHOT: dict[str, Any] = {}  # every transaction sees one state
CONNECTIONS: dict[str, Any] = {}


class MigrationError(SQLAlchemyError):
    """The schema cannot be changed; str() says why, and the database is as it was."""


def set_up(engine: Engine) -> None:
    """Make the database's folder and see to every connection."""
    if engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)


def writers_turn() -> AbstractContextManager[Any]:
    """What the writers of one process take turns by: waiting for each other in SQLite, they would sleep too long."""
    return Lock()


@contextmanager
def altering(connection: Connection) -> Iterator[None]:
    """A transaction in which a table can be dropped and made anew without the rows that refer to it.

    Raises:
        MigrationError: rows would be left that refer to nothing; nothing is changed.
    """
    with _unchecked_references(connection), connection.begin():
        yield
        _check_references(connection)


@contextmanager
def _unchecked_references(connection: Connection) -> Iterator[None]:
    """The driver is asked itself, since SQLite heeds the pragma outside of transactions only."""
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()


def _check_references(connection: Connection) -> None:
    if lost := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        found = ", ".join(sorted({f"{table} to {referred}" for table, _, referred, _ in lost}))
        raise MigrationError(f"its change would leave rows that refer to nothing, {len(lost)} ({found}); none was made")


def _set_up_connection(connection: SQLiteConnection, _record: Any) -> None:
    """Readers beside one writer, patience instead of errors, and commits that survive a power cut."""
    # The driver's own transaction handling begins too late; _begin does it instead.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
        # An agent forgets a run as soon as its record is stored here, so the commit must be on the disk.
        "synchronous=FULL",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    """A writer takes the write lock at once: upgrading a read lock later fails when two try it."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
