"""Keeping leases: all that are held are renewed together, and whoever lost one is told."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from controller.errors import StaleLeaseError
from controller.jobs import NewDevice
from controller.keeping import Keeper
from controller.store import Store
from tests.controller.databases import DATABASES, looking, new_database
from tests.controller.records import training_job
from tests.controller.serving import wait_for

LEASE_S = 0.06


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    return new_database(request, tmp_path)


@pytest.fixture
def store(database_url):
    opened = Store(database_url)
    opened.database.migrate()
    yield opened
    opened.close()


@asynccontextmanager
async def keeping(store, *leases):
    """Tasks that hold the leases, with a keeper at work."""
    keeper = Keeper(store, LEASE_S)
    work = asyncio.create_task(keeper.work())
    holders = [asyncio.create_task(keeper.hold(lease)) for lease in leases]
    try:
        yield holders
        assert not work.done()
    finally:
        for task in (work, *holders):
            task.cancel()
        await asyncio.gather(work, *holders, return_exceptions=True)


def leased(store, name):
    store.devices.add(NewDevice(name, f"http://{name}:8101"))
    return store.leases.start(store.jobs.add(training_job()).id, name, LEASE_S)


async def renewed(database_url, name):
    """Wait until a board's lease is renewed once more."""
    before = _renewed_at(database_url, name)
    await asyncio.to_thread(wait_for, "renewal", lambda: _renewed_at(database_url, name) != before or None)


def _renewed_at(database_url, name):
    with looking(database_url) as connection:
        return connection.exec_driver_sql(f"SELECT renewed_at FROM leases WHERE device = '{name}'").scalar_one()


def test_every_lease_that_is_held_is_renewed_again_and_again(store, database_url):
    """Those of two boards alike; one that is held no longer is left to run out."""
    first, second, third = (leased(store, name) for name in ("nano-1", "nano-2", "nano-3"))

    async def scene():
        async with keeping(store, first, second, third) as holders:
            await renewed(database_url, "nano-3")
            given_up = holders.pop()
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            await renewed(database_url, "nano-1")  # what was under way when it was given up is over
            left = _renewed_at(database_url, "nano-3")
            for _ in range(2):
                await renewed(database_url, "nano-1")
                await renewed(database_url, "nano-2")
            assert not any(holder.done() for holder in holders)
            return left

    left = asyncio.run(scene())
    assert left == _renewed_at(database_url, "nano-3")


def test_who_lost_a_lease_is_told_and_nobody_else(store, database_url):
    """Another controller took one board over; the other one is kept."""
    lost, kept = leased(store, "nano-1"), leased(store, "nano-2")
    with looking(database_url) as connection:
        connection.exec_driver_sql("UPDATE leases SET token = token + 1 WHERE device = 'nano-1'")

    async def scene():
        async with keeping(store, lost, kept) as (loser, holder):
            with pytest.raises(StaleLeaseError, match=r"on device 'nano-1' .* was taken over"):
                await loser
            await renewed(database_url, "nano-2")
            assert not holder.done()

    asyncio.run(scene())


def test_a_database_that_does_not_answer_for_a_while_is_asked_again(store, database_url):
    """Nobody is told that a lease is lost, and it is renewed as soon as that can be."""
    lease = leased(store, "nano-1")

    async def scene():
        async with keeping(store, lease) as [holder]:
            with looking(database_url) as connection:
                connection.exec_driver_sql("ALTER TABLE leases RENAME TO hidden")
            await asyncio.sleep(3 * LEASE_S)
            assert not holder.done()
            with looking(database_url) as connection:
                connection.exec_driver_sql("ALTER TABLE hidden RENAME TO leases")
            await renewed(database_url, "nano-1")

    asyncio.run(scene())
