"""Calls that are made together: who shares one, and what becomes of one that fails."""

import asyncio
import threading

import pytest

from controller.gathering import Gathering


class Books:
    """Doubles numbers, and remembers which it was given together; it waits until it is allowed to begin."""

    def __init__(self):
        self.batches = []
        self.allowed = threading.Event()
        self.entered, self.going_on = None, threading.Event()

    def __call__(self, numbers):
        self.allowed.wait(10)
        self.batches.append(list(numbers))
        if "poison" in numbers:
            if self.entered is not None:
                self.entered.set()
                self.going_on.wait(10)
            raise TypeError("no number")
        return [LookupError(f"no {number}") if number < 0 else 2 * number for number in numbers]


async def asked(books, *numbers):
    """What comes of asking for all of these at once."""
    gathering = Gathering(books)
    books.allowed.set()
    return await asyncio.gather(*(gathering(number) for number in numbers), return_exceptions=True)


@pytest.fixture
def books():
    return Books()


def test_what_comes_meanwhile_shares_the_next_call(books):
    """Everybody gets the own result, whatever was asked for beside it."""

    async def scene():
        gathering = Gathering(books)
        first = asyncio.create_task(gathering(1))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(gathering(number)) for number in (2, 3)]
        await asyncio.sleep(0.05)
        books.allowed.set()
        return await asyncio.gather(first, *others)

    assert [2, 4, 6] == asyncio.run(scene())
    assert [[1], [2, 3]] == books.batches


def test_an_item_without_a_result_raises_where_it_came_from(books):
    """The others of the same call have theirs."""
    found = asyncio.run(asked(books, 1, -2, 3))
    assert [2, "no -2", 6] == [found[0], str(found[1]), found[2]]


def test_an_item_that_spoils_its_call_harms_nobody_else(books):
    """Each is then tried by itself."""
    found = asyncio.run(asked(books, 1, "poison", 3))
    assert [2, TypeError, 6] == [found[0], type(found[1]), found[2]]


def test_who_is_cancelled_during_a_spoiled_call_is_not_tried_again(books):
    """The call for all was undone, and nobody wants this one's any more."""

    async def scene():
        gathering = Gathering(books)
        first = asyncio.create_task(gathering(1))
        await asyncio.sleep(0.05)
        spoiled, cancelled = asyncio.create_task(gathering("poison")), asyncio.create_task(gathering(2))
        books.entered = threading.Event()
        books.allowed.set()
        await first
        await asyncio.to_thread(books.entered.wait, 10)
        cancelled.cancel()
        books.going_on.set()
        await asyncio.wait({spoiled, cancelled})

    asyncio.run(scene())
    assert [[1], ["poison", 2], ["poison"]] == books.batches


def test_who_is_cancelled_before_the_call_has_asked_for_nothing(books):
    """No attempt is written down for a job that was cancelled while it waited for its turn."""

    async def scene():
        gathering = Gathering(books)
        first = asyncio.create_task(gathering(1))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(gathering(2))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.wait({second})
        books.allowed.set()
        return await first, await gathering(3)

    assert (2, 6) == asyncio.run(scene())
    assert [[1], [3]] == books.batches
