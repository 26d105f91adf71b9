"""The databases that a controller may have. Tests that prove something of each repeat themselves by a fixture:

@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    return new_database(request, tmp_path)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, make_url

DATABASES = ("sqlite", "postgresql")


def new_database(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of an empty database of the kind that the fixture's parameter says."""
    if request.param == "sqlite":
        return sqlite_url(folder)
    return str(request.getfixturevalue("postgresql").new_database())


def sqlite_url(folder: Path) -> str:
    """Where a controller keeps its database without being told otherwise."""
    return f"sqlite:///{folder / 'controller.sqlite3'}"


def engine_of(url: str):
    """An engine for looking at the database beside the store."""
    address = make_url(url)
    return create_engine(address.set(drivername=f"{address.drivername}+psycopg") if "postgresql" in url else address)


@contextmanager
def looking(url: str) -> Iterator[Connection]:
    """A connection beside the store's, in one transaction."""
    engine = engine_of(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()
