"""The database behind the store: connections, transactions and migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.orm import Session

_BUSY_TIMEOUT_MS = 20_000


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
        """Bring the schema to a revision; two controllers that start at once take turns."""
        with self._writer.begin() as connection:
            config = migrations(connection)
            if revision == "base":
                command.downgrade(config, revision)
            else:
                command.upgrade(config, revision)

    def ping(self) -> None:
        """Ask the database something that needs the schema.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it does not answer.
        """
        with self.reading() as session:
            session.execute(text("SELECT count(*) FROM alembic_version"))

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
