"""The schema: migrations and models tell the same story, forwards and backwards."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import IntegrityError

from controller.measuring import unmeasured_runs
from controller.store import ResultFilter, Store
from controller.store.database import Database, MigrationError, migrations
from controller.tables import Base, RunMethod
from gradfilter.bench.schema import Series
from tests.controller.samples import DEVICE, POWER, record
from tests.controller.stored import SPEC, fill_results, started


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
        (database.take_back if revision == "base" else database.migrate)(revision)
    database.close()


@pytest.fixture
def store(tmp_path):
    """At head with one finished run that was measured and metered, at five watts."""
    opened = Store(f"sqlite:///{tmp_path / 'lab.sqlite3'}")
    opened.database.migrate()
    lease = opened.leases.start(opened.jobs.add(SPEC).id, DEVICE, 10)
    instants = [9 + 0.05 * number for number in range(80)]
    metered = [Series(POWER, instants, [5 * instant for instant in instants])]
    opened.records.add(replace(record(started(opened, lease)), series=metered), lease)
    fill_results(opened)
    yield opened
    opened.close()


def contents(path):
    """Every row of every table but the results, which are a cache."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(map(repr, connection.execute(f"SELECT * FROM {table}")))
            for table in set(Base.metadata.tables) - {"measurements", "records"}
        }


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


def test_data_survive_every_migration(store, tmp_path):
    """Down to the first schema and up again, step by step, with a measured run in place: every row is as it was."""
    path = tmp_path / "lab.sqlite3"
    kept, results, [run] = contents(path), list(store.results.all(ResultFilter())), store.runs.of_job("1")
    measured = store.records.get(run.id)
    for revision in ("0001", "0002"):
        (store.database.take_back if revision == "0001" else store.database.migrate)(revision)
        assert kept == contents(path)
    assert measured == store.records.get(run.id)
    assert results
    assert [run.id] == unmeasured_runs(store)
    fill_results(store)
    assert results == list(store.results.all(ResultFilter()))
    check(path)


def test_results_of_before_are_measured_again(store):
    """A result that an older schema held without its uncertainty has one once it is made again."""
    wanted = ResultFilter(metric="energy_per_step")
    [before] = store.results.all(wanted)
    store.database.take_back("0001")
    store.database.migrate()
    assert None is next(store.results.all(wanted)).standard_uncertainty
    fill_results(store)
    assert 0 < before.standard_uncertainty == next(store.results.all(wanted)).standard_uncertainty


def test_a_table_that_others_refer_to_can_be_made_anew(store, tmp_path):
    """SQLite drops and copies a table to change it: the rows that refer to it stay, as do its own."""
    kept = contents(tmp_path / "lab.sqlite3")
    with store.database._altering() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("runs", recreate="always") as runs:
            runs.alter_column("failure", nullable=True)
    assert kept == contents(tmp_path / "lab.sqlite3")


def test_rows_that_would_refer_to_nothing_stop_a_migration(store, tmp_path):
    """A migration that finds such rows changes nothing and says which; afterwards references are checked as ever."""
    with closing(sqlite3.connect(tmp_path / "lab.sqlite3")) as connection:
        connection.execute("INSERT INTO run_methods VALUES ('no such run', 'gradient_filter')")
        connection.commit()
    with pytest.raises(MigrationError, match=r"refer to nothing, 1 \(run_methods to runs\)"):
        store.database.take_back("0001")
    assert [1] == [row.block for row in store.results.all(ResultFilter(metric="backward"))]
    with pytest.raises(IntegrityError), store.database.writing() as session:
        session.add(RunMethod(run_id="nor this", method="gradient_filter"))
