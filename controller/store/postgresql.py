"""What is particular to PostgreSQL: bounded patience with locks, and turns at altering the schema."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, event

_LOCK_TIMEOUT_MS = 20_000
SNAPSHOT: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
# A connection is tried before it is used, since the server may have been started anew meanwhile.
CONNECTIONS: dict[str, Any] = {"pool_pre_ping": True}
# Any number that nothing else in the database uses for an advisory lock.
_SCHEMA_LOCK = 0x67726164


def set_up(engine: Engine) -> None:
    """See to every connection."""
    event.listen(engine, "connect", _set_up_connection)


def writers_turn() -> AbstractContextManager[None]:
    """Writers wait for each other's rows in the server, and for nothing else."""
    return nullcontext()


@contextmanager
def altering(connection: Connection) -> Iterator[None]:
    """A transaction that nobody else alters the schema beside; there is no table yet whose rows could be locked."""
    with connection.begin():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
        yield


def _set_up_connection(connection: Any, _record: Any) -> None:
    """Patience that ends: without it a lock that somebody forgot would hold the controller for ever."""
    connection.execute(f"SET lock_timeout = {_LOCK_TIMEOUT_MS}")
    connection.commit()
