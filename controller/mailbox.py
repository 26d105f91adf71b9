"""The mailbox: requests to boards that cannot be reached, carried by the database instead of a connection.

For the client of the agents it is one more way of carrying orders: what has an address `mailbox://…` waits here until
its board fetches it, and the answer comes back the same way. Controllers that share a database share the mailbox.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

from controller.carrying import Answer, NotCarriedError, Order
from controller.store.letters import Letter, Letters

T = TypeVar("T")

# What another controller on the database has posted or answered is found when this one looks again.
_LOOK_AGAIN_S = 1.0


class Mailbox:
    """One controller's end of the mailbox. Used on one event loop. largest_answer: how many bytes a board may bring."""

    def __init__(self, letters: Letters, *, largest_answer: int) -> None:
        self.largest_answer = largest_answer
        self._letters = letters
        self._awaited: dict[str, asyncio.Event] = {}

    async def carry(self, order: Order) -> Answer:
        """Post the order and wait for the board's answer as long as the order allows.

        Raises:
            NotCarriedError: there was none in time; the letter is withdrawn.
        """
        body = None if order.body is None else order.body.decode()
        letter = Letter(secrets.token_hex(8), order.method, order.path, order.lease, body)
        posting = asyncio.create_task(asyncio.to_thread(self._letters.post, order.device, letter))
        try:
            await asyncio.shield(posting)
            self._wake(order.device)
            answer = await self._look(letter.id, lambda: self._letters.answer_to(letter.id), order.patience_s)
        finally:
            await asyncio.shield(self._withdraw(letter, posting))
        if answer is None:
            raise NotCarriedError(f"the board {order.device!r} has not fetched or answered its letter")
        return answer

    async def fetch(self, device: str, wait_s: float) -> list[Letter]:
        """What waits for a board, as soon as there is something; an empty list when the time is over."""
        return await self._look(device, lambda: self._letters.take(device) or None, wait_s) or []

    async def bring(self, device: str, letter_id: str, answer: Answer) -> bool:
        """Take a board's answer; False when nobody waits for it any more."""
        is_awaited = await asyncio.to_thread(self._letters.answer, device, letter_id, answer)
        self._wake(letter_id)
        return is_awaited

    async def _withdraw(self, letter: Letter, posting: asyncio.Task[None]) -> None:
        """Remove a letter once it is there: who asks may go away while a thread is still writing it down."""
        await asyncio.wait({posting})
        await asyncio.to_thread(self._letters.drop, letter.id)

    async def _look(self, key: str, look: Callable[[], T | None], patience_s: float) -> T | None:
        """Look for something now, whenever it is said to have come, and from time to time."""
        until = asyncio.get_running_loop().time() + patience_s
        event = self._awaited.setdefault(key, asyncio.Event())
        try:
            while True:
                event.clear()
                found = await asyncio.to_thread(look)
                left_s = until - asyncio.get_running_loop().time()
                if found is not None or left_s <= 0:
                    return found
                alarm = asyncio.get_running_loop().call_later(min(left_s, _LOOK_AGAIN_S), event.set)
                await event.wait()
                alarm.cancel()
        finally:
            if self._awaited.get(key) is event:
                del self._awaited[key]

    def _wake(self, key: str) -> None:
        if (event := self._awaited.get(key)) is not None:
            event.set()
