"""A database that goes to another release: taken back to what an older one knows, left as it is for a newer one."""

import sqlite3

import pytest

from controller.store.database import Database
from controller.store.handing_over import hand_over, newest


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path / 'lab.sqlite3'}")
    made.migrate()
    yield made
    made.close()


def schema(tmp_path):
    with sqlite3.connect(tmp_path / "lab.sqlite3") as connection:
        [[revision]] = connection.execute("SELECT version_num FROM alembic_version")
    return revision


def test_older_release_gets_its_own_schema(database, tmp_path):
    """What is newer than it knows is taken back."""
    assert newest() == hand_over(database, "0001")
    assert "0001" == schema(tmp_path)


@pytest.mark.parametrize("wanted", [newest(), "9999"])
def test_release_that_knows_the_schema_gets_it_as_it_is(database, tmp_path, wanted):
    """The same release, or a newer one, which migrates by itself."""
    assert "" == hand_over(database, wanted)
    assert newest() == schema(tmp_path)
