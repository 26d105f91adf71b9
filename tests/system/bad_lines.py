"""A bad connection between controller and agent: a line that swallows what is said."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from typing_extensions import Self


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
