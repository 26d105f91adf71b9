"""Making room: from time to time what the settings do not keep of old runs is dropped."""

import asyncio

import structlog

from controller.settings import Settings
from controller.store import Policy, Store

_HOUR_S = 3600.0

log = structlog.get_logger()


def policy_of(settings: Settings) -> Policy:
    """What the settings keep."""
    return Policy(settings.keep_series_days, settings.keep_series_bytes)


async def make_room(store: Store, policy: Policy, pause_s: float = _HOUR_S) -> None:
    """Drop what the policy does not keep, now and again after every pause."""
    while policy != Policy():
        try:
            dropped = await asyncio.to_thread(store.retention.sweep, policy)
        except Exception:  # the process's border: what cannot be read must not end the making of room
            log.exception("no_room_made")
        else:
            if dropped.runs:
                log.info("series_dropped", runs=dropped.runs, bytes=dropped.size_bytes)
        await asyncio.sleep(pause_s)
