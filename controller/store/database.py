"""The database behind the store: connections, transactions and migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Condition

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from controller.store import postgresql, sqlite

_KINDS = {"sqlite": sqlite, "postgresql": postgresql}
_DRIVERS = {"postgresql": "postgresql+psycopg"}
_PATIENCE_S = 30.0
_CONNECTIONS = 15  # kept open, since making one costs more than most of what is asked over it


class Database:
    """One database by its SQLAlchemy URL. Blocking: call it from a thread, never from the event loop.

    Raises:
        sqlalchemy.exc.ArgumentError: the URL is not one, or names another kind of database.
    """

    def __init__(self, url: str) -> None:
        address = make_url(url)
        if address.get_backend_name() not in _KINDS:
            raise ArgumentError(f"the database must be one of {', '.join(_KINDS)}, got {address.get_backend_name()!r}")
        self._kind = _KINDS[address.get_backend_name()]
        driver = _DRIVERS.get(address.drivername, address.drivername)
        self._engine = create_engine(
            address.set(drivername=driver), pool_size=_CONNECTIONS, max_overflow=0, **self._kind.CONNECTIONS
        )
        self._kind.set_up(self._engine)
        self._writer = self._engine.execution_options(writes=True)
        self._turn = self._kind.writers_turn()
        self._ended = Condition()
        self._under_way = 0

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads; it never waits for a writer."""
        with self._counted(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction: all of it or nothing; on SQLite it is alone from its first statement on."""
        with self._counted(), self._turn, Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A session that sees the database as it is at its first statement, whatever is written meanwhile."""
        engine = self._engine.execution_options(**self._kind.SNAPSHOT)
        with self._counted(), Session(engine, expire_on_commit=False) as session:
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

    def close(self) -> None:
        """Close all connections, once what is under way in other threads has come to its end."""
        with self._ended:
            self._ended.wait_for(lambda: self._under_way == 0, _PATIENCE_S)
        self._engine.dispose()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._ended:
            self._under_way += 1
        try:
            yield
        finally:
            with self._ended:
                self._under_way -= 1
                self._ended.notify_all()

    @contextmanager
    def _altering(self) -> Iterator[Connection]:
        """A transaction in which tables may be changed."""
        with self._writer.connect() as connection, self._kind.altering(connection):
            yield connection


def migrations(connection: Connection | None = None) -> Config:
    """Alembic's view of the installed migrations; what alters the schema works on this connection."""
    found = find_spec("migrations")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the migrations are not installed beside the controller; install it again.")
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(found.submodule_search_locations[0]).replace("%", "%%"))
    return config
