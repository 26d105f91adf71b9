"""Lets coroutines wait for changes that other threads announce, woken at most a few times a second."""

import asyncio
import threading
from contextlib import suppress

_PAUSE_S = 0.2


class Changes:
    """One place to wait at. Waiters take `next` first, then look, then wait, so that no change is missed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next = asyncio.Event()
        self._waking = False

    def next(self) -> asyncio.Event:
        """What will be set by the next change; called on the event loop."""
        self._loop = asyncio.get_running_loop()
        return self._next

    def announce(self) -> None:
        """Say, from any thread, that something changed. Several in a short time wake the waiters once."""
        with self._lock:
            if self._loop is None or self._waking:
                return
            self._waking = True
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._loop.call_later, _PAUSE_S, self._wake)

    def _wake(self) -> None:
        with self._lock:
            self._waking = False
        self._next.set()
        self._next = asyncio.Event()
