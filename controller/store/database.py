"""The database behind the store: connections, transactions and migrations."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

_BUSY_TIMEOUT_MS = 20_000


class MigrationError(SQLAlchemyError):
    """The schema cannot be changed; str() says why, and the database is as it was."""


class Database:
    """One database by its SQLAlchemy URL. Blocking: call it from a thread, never from the event loop.

    Raises:
        sqlalchemy.exc.ArgumentError: the URL is not one.
    """

    def __init__(self, url: str) -> None:
        address = make_url(url)
        if address.get_backend_name() == "sqlite" and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(address)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(writes=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads; it never waits for a writer."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction: all of it or nothing; on SQLite it is alone from its first statement on."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to a revision; two controllers that start at once take turns.

        Raises:
            MigrationError: rows would be left that refer to nothing; nothing is changed.
        """
        with self._altering() as connection:
            command.upgrade(migrations(connection), revision)

    def take_back(self, revision: str) -> None:
        """Bring the schema down to an older revision, with what rows still fit it.

        Raises:
            MigrationError: as migrate() does.
        """
        with self._altering() as connection:
            command.downgrade(migrations(connection), revision)

    def ping(self) -> None:
        """Ask the database something that needs the schema.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it does not answer.
        """
        with self.reading() as session:
            session.execute(text("SELECT count(*) FROM alembic_version"))

    @contextmanager
    def _altering(self) -> Iterator[Connection]:
        """A transaction in which tables may be replaced, as SQLite has to for most changes of one."""
        with self._writer.connect() as connection:
            references = _unchecked_references if connection.dialect.name == "sqlite" else nullcontext
            with references(connection), connection.begin():
                yield connection
                if connection.dialect.name == "sqlite":
                    _check_references(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def migrations(connection: Connection) -> Config:
    """Alembic's view of the installed migrations, working on this connection."""
    found = find_spec("migrations")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the migrations are not installed beside the controller; install it again.")
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(found.submodule_search_locations[0]).replace("%", "%%"))
    return config


@contextmanager
def _unchecked_references(connection: Connection) -> Iterator[None]:
    """Within, a table can be dropped and made anew without taking the rows along that refer to it.

    The driver is asked itself, since SQLite heeds the pragma outside of transactions only.
    """
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


def _set_up_sqlite(connection: SQLiteConnection, _record: Any) -> None:
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
