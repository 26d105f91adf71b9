"""Calls that are made together: what is asked for while one is under way is handed to the next one, all at once.

A transaction costs little more for fifty boards than for one. A lab of one board waits for nobody, and one of a
thousand has its boards share transactions, the more of them the busier it is.
"""

import asyncio
from collections.abc import Callable, Sequence
from copy import copy
from typing import Generic, TypeVar

from sqlalchemy.exc import OperationalError

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST = 100


class Gathering(Generic[Item, Result]):
    """A blocking function over many items, for callers that have one each. Used on one event loop.

    call: the results of items in their order, an exception in place of one that an item has none for. It is called in a
    thread, and only once at a time.
    """

    def __init__(self, call: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> None:
        self._call = call
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """The result of one item. Whoever is cancelled before its call has begun has asked for nothing."""
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, result))
        if self._work is None:
            self._work = asyncio.create_task(self._call_until_none_waits())
        return await result

    async def _call_until_none_waits(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._settle(batch)
        finally:
            self._work = None

    async def _settle(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        """Call for those of a batch who still wait; where one item spoils the call for all, each is tried by itself."""
        batch = [(item, result) for item, result in batch if not result.done()]
        if not batch:
            return
        found: Sequence[Result | Exception]
        try:
            found = await asyncio.to_thread(self._call, [item for item, _ in batch])
        except OperationalError as error:  # the database's fault and nobody's here: one by one would go no better
            found = [copy(error) for _ in batch]  # each is raised on its own, and carries its own way
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the item came from
            if len(batch) > 1:
                for one in batch:
                    await self._settle([one])
                return
            found = [error]
        for (_, result), value in zip(batch, found, strict=True):
            if result.done():  # its caller was cancelled meanwhile
                continue
            if isinstance(value, Exception):
                result.set_exception(value)
            else:
                result.set_result(value)
