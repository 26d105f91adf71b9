"""Bad connections between controller and agent: a line that swallows what is said, and one that says it twice."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import httpx2
from fastapi import FastAPI, Request, Response
from typing_extensions import Self

from tests.controller.serving import Server


class CutLine:
    """A TCP proxy. While it is cut in a direction, what is sent that way disappears and nobody is told."""

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        self._target = (address.hostname, address.port)
        self._cut: set[str] = set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.close()
        self.mend()

    def cut(self, direction: str) -> None:
        """Lose 'requests' or 'answers' from now on."""
        self._cut.add(direction)

    def mend(self) -> None:
        """Let everything through again; connections that lost something are no use any more."""
        self._cut.clear()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    agent = socket.create_connection(self._target)
                except OSError:
                    client.close()
                    continue
                self._open += [client, agent]
                for ends in ((client, agent, "requests"), (agent, client, "answers")):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while received := source.recv(65536):
                if direction not in self._cut:
                    sink.sendall(received)
        for end in (source, sink):
            end.close()


class StutteringLine:
    """An HTTP proxy that delivers every order twice, the second time late: behind orders that were sent after it."""

    def __init__(self, target: str, late_s: float) -> None:
        self._target = target
        self._late_s = late_s
        self._echoes: set[asyncio.Task[httpx2.Response]] = set()
        self.answers: list[tuple[str, str, int]] = []  # of the second deliveries: method, path, status
        self.server = Server(self._app)

    @property
    def is_silent(self) -> bool:
        """Whether nothing is on its way any more."""
        return not self._echoes

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/{path:path}", self._pass_on, methods=["GET", "PUT", "POST", "DELETE"])
        return app

    async def _pass_on(self, path: str, request: Request) -> Response:
        body = await request.body()
        try:
            answer = await self._send(path, request, body)
        except httpx2.HTTPError:
            return Response(status_code=502)
        if request.method != "GET":
            self._echoes.add(echo := asyncio.create_task(self._echo(path, request, body)))
            echo.add_done_callback(self._echoes.discard)
        kept = {"content-type": answer.headers.get("content-type", "")}
        return Response(answer.content, status_code=answer.status_code, headers=kept)

    async def _echo(self, path: str, request: Request, body: bytes) -> None:
        await asyncio.sleep(self._late_s)
        answer = await self._send(path, request, body)
        self.answers.append((request.method, path, answer.status_code))

    async def _send(self, path: str, request: Request, body: bytes) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as agent:
            url = f"{self._target}/{path}?{request.url.query}"
            return await agent.request(request.method, url, headers=headers, content=body)
