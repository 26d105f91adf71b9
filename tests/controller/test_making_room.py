"""The controller's hourly task and the command that drop old series: what the settings or the caller do not keep."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from controller.jobs import NewDevice
from controller.making_room import make_room
from controller.store import Policy, Store
from tests.controller.databases import looking
from tests.controller.serving import wait_for
from tests.controller.store.test_retention import DAY_S, carry_out

GRADFILTER = Path(sys.executable).with_name("gradfilter")


@pytest.fixture
def store(database_url, clock):
    """One job with six runs whose series are kept."""
    opened = Store(database_url, clock=clock, monotonic=clock.monotonic)
    opened.database.migrate()
    opened.devices.add(NewDevice("nano-1", "http://nano-1:8101"))
    carry_out(opened)
    yield opened
    opened.close()


@pytest.fixture
def retention(store, tmp_path):
    """Run the command on the store's own database, with settings; its status and what it said."""

    def call(*options, **settings):
        environment = {f"GRADFILTER_CONTROLLER_{name.upper()}": str(value) for name, value in settings.items()}
        result = subprocess.run(
            [str(GRADFILTER), "retention", *options],
            env={**os.environ, "GRADFILTER_CONTROLLER_DATA_DIR": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return result.returncode, result.stdout + result.stderr

    return call


async def _dropped(store, job):
    """Wait until all runs of a job have lost their series."""
    await asyncio.to_thread(wait_for, "room", lambda: len(store.retention.of_job(job)) == 6 or None)


def _with_room_made(store, policy, *scenes):
    """Make room all the while, and wait for the end of each scene in turn."""

    async def play():
        task = asyncio.create_task(make_room(store, policy, pause_s=0.02))
        for scene in scenes:
            await scene()
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())


def test_room_is_made_again_and_again(store, clock):
    """What grows old while the controller runs is dropped too."""

    async def first_goes():
        clock.advance(2 * DAY_S)
        await _dropped(store, "1")
        carry_out(store)

    async def second_goes():
        assert {} == store.retention.of_job("2")
        clock.advance(2 * DAY_S)
        await _dropped(store, "2")

    _with_room_made(store, Policy(days=1), first_goes, second_goes)


def test_a_database_that_cannot_be_read_is_tried_again(store, clock, database_url):
    """A sweep that fails ends neither the task nor the keeping of what it could not see."""
    clock.advance(2 * DAY_S)
    _rename(database_url, "series", "hidden")

    async def fails():
        await asyncio.sleep(0.1)
        _rename(database_url, "hidden", "series")

    async def works():
        await _dropped(store, "1")

    _with_room_made(store, Policy(days=1), fails, works)


def test_without_a_limit_there_is_nothing_to_do(store):
    """The task ends at once, and everything stays."""
    asyncio.run(make_room(store, Policy()))
    assert {} == store.retention.of_job("1")


def test_the_command_says_what_it_would_drop_and_drops_it_when_told(store, retention):
    """Nothing goes without --drop."""
    status, said = retention("--bytes", "0")
    assert (0, "of 6 runs, would be dropped by --drop.\n") == (status, said[said.index("of 6") :])
    assert {} == store.retention.of_job("1")
    status, said = retention("--bytes", "0", "--drop")
    assert (0, "of 6 runs, were dropped.\n") == (status, said[said.index("of 6") :])
    assert 6 == len(store.retention.of_job("1"))


def test_the_command_goes_by_the_settings_unless_told_otherwise(store, retention):
    """The job ended in January; where neither has a limit the command says how to give one."""
    assert "of 0 runs" in retention("--days", "100000", keep_series_days=1)[1]
    assert "of 6 runs" in retention(keep_series_days=1)[1]
    status, said = retention()
    assert 2 == status
    assert "give --days or --bytes, or set keep_series_days" in said


def _rename(database_url, name, new):
    with looking(database_url) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {new}")
