"""The schema: migrations and models tell the same story, forwards and backwards."""

from alembic import command
from sqlalchemy import create_engine, inspect

from controller.store.database import Database, migrations
from controller.tables import Base


def tables(path):
    engine = create_engine(f"sqlite:///{path}")
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def check(path):
    """Alembic's own comparison of the database with the models; raises on a difference."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.check(migrations(connection))
    engine.dispose()


def migrate(path, *revisions):
    database = Database(f"sqlite:///{path}")
    for revision in revisions:
        database.migrate(revision)
    database.close()


def test_an_empty_database_becomes_the_models(tmp_path):
    """From nothing to head gives exactly the tables, columns and indices of the models."""
    migrate(tmp_path / "lab.sqlite3", "head")
    check(tmp_path / "lab.sqlite3")
    assert set(Base.metadata.tables) == tables(tmp_path / "lab.sqlite3")


def test_migrations_can_be_taken_back(tmp_path):
    """Down to nothing and up again ends at the models."""
    migrate(tmp_path / "lab.sqlite3", "head", "base")
    assert set() == tables(tmp_path / "lab.sqlite3")
    migrate(tmp_path / "lab.sqlite3", "head")
    check(tmp_path / "lab.sqlite3")


def test_migrating_twice_changes_nothing(tmp_path):
    """A controller that starts on a database at head leaves it as it is."""
    migrate(tmp_path / "lab.sqlite3", "head", "head")
    check(tmp_path / "lab.sqlite3")


def test_the_folder_of_the_database_is_made(tmp_path):
    """A data folder that is not there yet is made with the database."""
    migrate(tmp_path / "new" / "lab.sqlite3", "head")
    assert (tmp_path / "new" / "lab.sqlite3").exists()
