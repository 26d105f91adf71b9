"""A web application served for real on loopback, in a thread, to be stopped and started again on the same port."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import uvicorn
from typing_extensions import Self

if TYPE_CHECKING:
    from fastapi import FastAPI

T = TypeVar("T")

DEADLINE_S = 20.0  # bounds every wait; nothing asserts how long something took


class _Uvicorn(uvicorn.Server):
    """One that leaves no connection open, not even those that came while it was stopped."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in self.server_state.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # in which the loop closes them


class Server:
    """One application on one port. make_app is called at every start, so that nothing survives in memory."""

    def __init__(self, make_app: Callable[[], FastAPI]) -> None:
        self._make_app = make_app
        self._port = 0
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None
        self.app: FastAPI | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        # Named as TCP, or asyncio leaves Nagle's algorithm on, and every answer takes 40 ms.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self.app = self._make_app()
        config = uvicorn.Config(self.app, log_level="critical", timeout_graceful_shutdown=0)
        self._server = server = _Uvicorn(config)
        # A daemon: a test that failed before it could stop its server must not keep the whole suite from ending.
        self._thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
        self._thread.start()
        wait_for("the server's start", lambda: True if server.started else None)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def wait_for(what: str, probe: Callable[[], T | None]) -> T:
    """Ask until the probe gives something, or fail saying what did not happen."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if (found := probe()) is not None:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen within {DEADLINE_S:g} s")
