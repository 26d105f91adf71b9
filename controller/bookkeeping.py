"""What the boards at work have written down; those that write at the same time share a transaction."""

import asyncio

from controller.gathering import Gathering
from controller.jobs import RunSummary
from controller.measuring import new_record
from controller.store import Lease, NewRecord, Planned, Store
from gradfilter.bench.schema import RunRecord


class Bookkeeping:
    """The store, as boards write to it. Used on one event loop; raises what the store does."""

    def __init__(self, store: Store) -> None:
        self._starts: Gathering[tuple[Planned, Lease], RunSummary] = Gathering(store.runs.start_all)
        self._ends: Gathering[NewRecord, bool] = Gathering(store.records.add_all)
        self._forgotten: Gathering[str, None] = Gathering(store.runs.forgotten)

    async def start(self, planned: Planned, lease: Lease) -> RunSummary:
        """Write down an attempt before the board is told of it."""
        return await self._starts((planned, lease))

    async def end(self, record: RunRecord, lease: Lease, void: str) -> bool:
        """End an attempt with its record and what it measured; False where it has one already.

        void: why it does not count, '' where it does.
        """
        return await self._ends(await asyncio.to_thread(new_record, record, lease, void))

    async def forgotten(self, run_id: str) -> None:
        """Note that the board keeps nothing of a run any more."""
        await self._forgotten(run_id)
