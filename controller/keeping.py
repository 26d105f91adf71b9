"""Keeping leases: all that one controller holds are renewed together, three times in their life."""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from controller.store import Lease, Store

log = structlog.get_logger()


class Keeper:
    """The leases that this controller holds. Used on one event loop."""

    def __init__(self, store: Store, lease_s: float) -> None:
        self._store = store
        self._pause_s = lease_s / 3
        self._held: dict[Lease, asyncio.Future[None]] = {}

    async def hold(self, lease: Lease) -> None:
        """Have the lease renewed until this is cancelled.

        Raises:
            StaleLeaseError: somebody else took it.
        """
        self._held[lease] = asyncio.get_running_loop().create_future()
        try:
            await self._held[lease]
        finally:
            del self._held[lease]

    async def work(self) -> None:
        """Renew what is held, for ever.

        While the database does not answer others may take a lease over: then its token is old, which the next write
        and the board find out.
        """
        while True:
            await asyncio.sleep(self._pause_s)
            try:
                await self._renew()
            except SQLAlchemyError:
                log.exception("leases_not_renewed")

    async def _renew(self) -> None:
        if not self._held:
            return
        stale = await asyncio.to_thread(self._store.leases.renew_all, list(self._held))
        for lease, error in stale.items():
            if lease in self._held and not self._held[lease].done():
                self._held[lease].set_exception(error)
