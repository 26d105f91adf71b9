"""A thousand boards in one small asynchronous program, which speaks the agents' protocol and trains nothing.

Board n answers below /n of one port. A run takes as long as its program was told, and ends with a record like a real
one's. The program prints its port, and once its standard input closes what it saw, as JSON.

    python -m tests.load.agents --run-s 20
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.controller.samples import description
from tests.load.recorded import record_text

_DESCRIPTION = json.dumps(asdict(description())).encode()
_STEPS = 30
_REASONS = {200: "OK", 204: "No Content", 404: "Not Found", 409: "Conflict"}
Answer = tuple[int, bytes]


@dataclass
class Board:
    """One board: the run that it works on or has ended, and how long it stood idle before each."""

    run: dict[str, Any] | None = None
    began_at: float = 0.0
    ends_at: float = 0.0
    token: int = 0
    started: list[str] = field(default_factory=list)
    idle_s: list[float] = field(default_factory=list)

    def start(self, spec: dict[str, Any], token: int, run_s: float) -> Answer:
        """Begin a run; the same one twice is once."""
        if token < self.token:
            return _problem(409, "the lease is over")
        self.token = token
        if self.run is not None and self.run["run_id"] == spec["run_id"]:
            return 200, self._status()
        now = time.monotonic()
        if self.run is not None and now < self.ends_at:
            return _problem(409, "another run is active")
        if self.started and spec["purpose"] == "measure":
            self.idle_s.append(now - self.ends_at)
        self.run, self.began_at = spec, now
        self.ends_at = now + (run_s if spec["purpose"] == "measure" else 0.0)
        self.started.append(spec["run_id"])
        return 200, self._status()

    async def look(self, run_id: str, wait_s: float, rest_s: float) -> Answer:
        """Where the run is, once it has ended, or a step is done and the rest over, or all of the time."""
        if self.run is None or self.run["run_id"] != run_id:
            return _problem(404, "no such run")
        now = time.monotonic()
        next_step = self.began_at + (self._done(now) + 1) * (self.ends_at - self.began_at) / _STEPS
        until = min(self.ends_at, now + wait_s, max(now + rest_s, next_step))
        await asyncio.sleep(max(0.0, until - now))
        return 200, self._status()

    def forget(self, run_id: str) -> Answer:
        """Keep nothing of an ended run."""
        if self.run is None or self.run["run_id"] != run_id:
            return _problem(404, "no such run")
        self.run = None
        return 204, b""

    def _status(self) -> bytes:
        assert self.run is not None
        now, run_id = time.monotonic(), json.dumps(self.run["run_id"])
        if now >= self.ends_at:
            record = record_text(self.run)
            return f'{{"run_id": {run_id}, "state": "finished", "record": {record}}}'.encode()
        progress = f'"phase": "measured", "done": {self._done(now)}, "total": {_STEPS}'
        return f'{{"run_id": {run_id}, "state": "running", {progress}}}'.encode()

    def _done(self, now: float) -> int:
        lasts_s = self.ends_at - self.began_at
        return int((now - self.began_at) / lasts_s * _STEPS) if lasts_s else _STEPS


class Boards:
    """All boards behind one port."""

    def __init__(self, run_s: float) -> None:
        self._run_s = run_s
        self.boards: dict[str, Board] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, one after another."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head.split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)}
                body = await reader.readexactly(int(headers.get("content-length") or 0))
                method, target, _ = line.split(" ")
                status, content = await self._answer(method, target, headers, body)
                kind = "application/json" if status in (200, 204) else "application/problem+json"
                writer.write(
                    f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(content)}\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        address = urlsplit(target)
        _, number, _, what, *rest = address.path.split("/")
        board = self.boards.setdefault(number, Board())
        if what == "device":
            return 200, _DESCRIPTION
        if method == "PUT":
            return board.start(json.loads(body), int(headers["x-lease-token"]), self._run_s)
        if method == "DELETE":
            return board.forget(rest[0])
        if method == "POST":
            board.ends_at = time.monotonic()
        asked = parse_qs(address.query)
        wait_s, rest_s = (float(asked.get(name, ["0"])[0]) for name in ("wait", "rest"))
        return await board.look(rest[0], wait_s, rest_s)

    def seen(self) -> dict[str, Any]:
        """Every run that was started, in order, and every wait of an idle board."""
        return {
            "started": [run for board in self.boards.values() for run in board.started],
            "idle_s": [idle for board in self.boards.values() for idle in board.idle_s],
        }


def _problem(status: int, detail: str) -> Answer:
    return status, json.dumps({"title": "no", "status": status, "detail": detail}).encode()


async def main(run_s: float) -> None:
    """Serve until standard input closes."""
    boards = Boards(run_s)
    server = await asyncio.start_server(boards.serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(boards.seen()), flush=True)
    os._exit(0)  # connections that are still open want no farewell


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-s", type=float, default=20.0)
    asyncio.run(main(parser.parse_args().run_s))
