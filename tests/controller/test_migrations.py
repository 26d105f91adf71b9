"""The schema: migrations and models tell the same story, forwards and backwards."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import inspect, text
from sqlalchemy.exc import ArgumentError, IntegrityError

from controller.measuring import unmeasured_runs
from controller.store import ResultFilter, Store
from controller.store.database import Database, migrations
from controller.store.sqlite import MigrationError
from controller.tables import Base, RunMethod
from gradfilter.bench.schema import Series
from tests.controller.databases import DATABASES, looking, new_database
from tests.controller.samples import POWER, record
from tests.controller.stored import fill_results, leased, started

VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    return new_database(request, tmp_path)


def tables(url):
    with looking(url) as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def check(url):
    """Alembic's own comparison of the database with the models; raises on a difference."""
    with looking(url) as connection:
        command.check(migrations(connection))


def migrate(url, *revisions):
    database = Database(url)
    for revision in revisions:
        (database.take_back if revision == "base" else database.migrate)(revision)
    database.close()


@pytest.fixture
def store(database_url):
    """At head with one finished run that was measured and metered, at five watts."""
    opened = Store(database_url)
    opened.database.migrate()
    lease = leased(opened, seconds=15)
    instants = [9 + 0.05 * number for number in range(80)]
    metered = [Series(POWER, instants, [5 * instant for instant in instants])]
    opened.records.add(replace(record(started(opened, lease)), series=metered), lease)
    fill_results(opened)
    yield opened
    opened.close()


def contents(url):
    """Every row of every table but the results, which are a cache."""
    with looking(url) as connection:
        return {
            table: sorted(map(dict, connection.execute(text(f"SELECT * FROM {table}")).mappings()), key=repr)
            for table in tables(url) - {"measurements", "records"}
        }


def shared(rows_of, other):
    """The rows in the tables and columns that the other schema has too."""
    columns = {table: set().union(*rows) for table, rows in other.items() if table in rows_of}
    return {
        table: sorted(({name: row[name] for name in row if name in known} for row in rows_of[table]), key=repr)
        for table, known in columns.items()
    }


def test_an_empty_database_becomes_the_models(database_url):
    """From nothing to head gives exactly the tables, columns and indices of the models."""
    migrate(database_url, "head")
    check(database_url)
    assert set(Base.metadata.tables) == tables(database_url)


def test_migrations_can_be_taken_back(database_url):
    """Down to nothing and up again ends at the models."""
    migrate(database_url, "head", "base")
    assert set() == tables(database_url)
    migrate(database_url, "head")
    check(database_url)


def test_migrating_twice_changes_nothing(database_url):
    """A controller that starts on a database at head leaves it as it is."""
    migrate(database_url, "head", "head")
    check(database_url)


def test_controllers_that_start_at_once_take_turns(database_url):
    """Of several that bring one empty database up to date at the same time, none fails."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate, [database_url] * 4, ["head"] * 4))
    check(database_url)


def test_the_folder_of_the_database_is_made(tmp_path):
    """A data folder that is not there yet is made with the database."""
    migrate(f"sqlite:///{tmp_path / 'new' / 'lab.sqlite3'}", "head")
    assert (tmp_path / "new" / "lab.sqlite3").exists()


def test_another_kind_of_database_is_refused():
    """A URL that names neither SQLite nor PostgreSQL is refused with what there is."""
    with pytest.raises(ArgumentError, match="one of sqlite, postgresql, got 'mysql'"):
        Database("mysql://nobody@127.0.0.1/lab")


def test_data_survive_every_migration(store, database_url):
    """Down to the first schema and up again, step by step, with a measured run in place: every row is as it was."""
    kept, results, [run] = contents(database_url), list(store.results.all(ResultFilter())), store.runs.of_job("1")
    measured = store.records.get(run.id)
    for revision in sorted(script.stem.partition("_")[0] for script in VERSIONS.glob("*.py")):
        (store.database.take_back if revision == "0001" else store.database.migrate)(revision)
        assert shared(kept, contents(database_url)) == shared(contents(database_url), kept)
    assert measured == store.records.get(run.id)
    assert results
    assert [run.id] == unmeasured_runs(store)
    fill_results(store)
    assert results == list(store.results.all(ResultFilter()))
    check(database_url)


def test_results_of_before_are_measured_again(store):
    """A result that an older schema held without its uncertainty has one once it is made again."""
    wanted = ResultFilter(metric="energy_per_step")
    [before] = store.results.all(wanted)
    store.database.take_back("0001")
    store.database.migrate()
    assert None is next(store.results.all(wanted)).standard_uncertainty
    fill_results(store)
    assert 0 < before.standard_uncertainty == next(store.results.all(wanted)).standard_uncertainty


def test_a_table_that_others_refer_to_can_be_made_anew(store, database_url):
    """SQLite drops and copies a table to change it: the rows that refer to it stay, as do its own."""
    kept = contents(database_url)
    with store.database._altering() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("runs", recreate="auto") as runs:
            runs.alter_column("failure", nullable=True)
    assert kept == contents(database_url)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_rows_that_would_refer_to_nothing_stop_a_migration(store, tmp_path):
    """A migration that finds such rows changes nothing and says which; afterwards references are checked as ever."""
    with closing(sqlite3.connect(tmp_path / "controller.sqlite3")) as connection:
        connection.execute("INSERT INTO run_methods VALUES ('no such run', 'gradient_filter')")
        connection.commit()
    with pytest.raises(MigrationError, match=r"refer to nothing, 1 \(run_methods to runs\)"):
        store.database.take_back("0001")
    assert [1] == [row.block for row in store.results.all(ResultFilter(metric="backward"))]
    with pytest.raises(IntegrityError), store.database.writing() as session:
        session.add(RunMethod(run_id="nor this", method="gradient_filter"))
