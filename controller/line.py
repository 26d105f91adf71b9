"""The line to one leased board: where its agent listens, whether it answers, and the patience with it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from controller.agent_client import AgentClient, BoardAddress
from controller.errors import AgentBusyError, AgentError, AgentUnreachableError, NotFoundError
from controller.instants import as_text, utc_now
from controller.live import Live, Now
from controller.settings import Settings
from controller.store import Lease, Store

T = TypeVar("T")

_LONGEST_BACKOFF = 16
_KNOWN_FOR_S = 1.0  # the calls between two runs follow one another within less


class Line:
    """Calls to the agent of one board, on behalf of the job that holds it.

    Where it listens is looked up again after a moment, and after every call that failed: the lab may move it.
    """

    def __init__(self, lease: Lease, *, store: Store, agents: AgentClient, live: Live, settings: Settings) -> None:
        self._lease = lease
        self._store = store
        self._agents = agents
        self._live = live
        self._settings = settings
        self._address: BoardAddress | None = None
        self._known_until_s = 0.0
        self._has_answered = False  # ever since it described its board

    async def make_sure(self) -> None:
        """Wait until the agent describes its board, so that no attempt begins which none could make.

        One that has answered ever since it did is not asked again.
        """
        if not self._has_answered:
            await self.patiently(self._agents.describe)
            self._has_answered = True

    async def once(self, call: Callable[[BoardAddress], Awaitable[T]]) -> T:
        """Call the agent, whatever comes of it.

        Raises:
            AgentError: as AgentClient does; AgentUnreachableError also where the board is not registered any more.
        """
        try:
            return await call(await self._where())
        except (AgentUnreachableError, AgentBusyError):
            self._address, self._has_answered = None, False
            raise

    async def patiently(self, call: Callable[[BoardAddress], Awaitable[T]]) -> T:
        """Call the agent until it answers; meanwhile the job says what it waits for, and since when."""
        since = ""
        pause_s = self._settings.retry_s
        while True:
            try:
                answer = await self.once(call)
            except (AgentUnreachableError, AgentBusyError) as error:
                since = since or as_text(utc_now())
                await self._say_what_is_awaited(error, since)
            else:
                if since:
                    await self._say_that_it_answers()
                return answer
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_BACKOFF * self._settings.retry_s)

    async def _where(self) -> BoardAddress:
        now = time.monotonic()
        if self._address is None or now > self._known_until_s:
            try:
                url = await asyncio.to_thread(self._store.devices.url, self._lease.device)
            except NotFoundError as error:
                raise AgentUnreachableError(str(error)) from error
            self._address, self._known_until_s = BoardAddress(self._lease.device, url), now + _KNOWN_FOR_S
        return self._address

    async def _say_what_is_awaited(self, error: AgentError, since: str) -> None:
        self._live.show(self._lease.job_id, Now(waiting_for=f"device {self._lease.device!r} since {since}: {error}"))
        if isinstance(error, AgentUnreachableError):
            await asyncio.to_thread(self._store.devices.did_not_answer, self._lease.device, str(error))

    async def _say_that_it_answers(self) -> None:
        self._live.show(self._lease.job_id, Now())
        await asyncio.to_thread(self._store.devices.answered, self._lease.device)
