"""Dialling out: a board that cannot be reached fetches the controller's requests itself, and brings the answers back.

Each request is given to the agent's own application, as if it had come over a connection: there is one way to be
commanded, whichever side opens the connection.
"""

import asyncio
import json
import logging
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

_log = logging.getLogger(__name__)
_WAIT_S = 20
_PATIENCE_S = 30.0
_LONGEST_PAUSE_S = 16.0
_TRIES = 4
_LATER = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True)
class Answer:
    """What the application answered."""

    status: int
    media_type: str
    body: bytes


class DiallingOut:
    """Fetches and answers until it is stopped.

    mailbox: the board's address at the controller; token: its own; trust: what to know the controller by under HTTPS.
    """

    def __init__(
        self, app: ASGIApp, mailbox: str, token: str, trust: ssl.SSLContext, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._app = app
        self._mailbox = mailbox.rstrip("/")
        self._trust = trust
        self._headers = {"Authorization": f"Bearer {token}"}
        self._loop = loop
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin; nothing waits for this thread, since a question that hangs must not keep the agent from ending."""
        threading.Thread(target=self._work, name="dialling out", daemon=True).start()

    def stop(self) -> None:
        """Fetch nothing more."""
        self._stopped.set()

    def _work(self) -> None:
        pause_s = 1.0
        while not self._stopped.is_set():
            try:
                letters = json.loads(self._ask("GET", f"?wait={_WAIT_S}"))
            except (OSError, HTTPException, ValueError) as error:
                _log.warning("the controller's mailbox %s cannot be fetched: %s", self._mailbox, _reason(error))
                self._stopped.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            pause_s = 1.0
            for letter in letters:  # each by itself, since a question about a run may be held while another is answered
                threading.Thread(target=self._answer, args=[letter], name="letter", daemon=True).start()

    def _answer(self, letter: dict[str, str | int | None]) -> None:
        call = call_app(
            self._app,
            method=str(letter["method"]),
            target=str(letter["path"]),
            headers={**self._headers, **({} if letter["lease"] is None else {"X-Lease-Token": str(letter["lease"])})},
            body=str(letter["body"] or "").encode(),
        )
        answer = asyncio.run_coroutine_threadsafe(call, self._loop).result()
        self._patiently(lambda: self._bring(str(letter["id"]), answer))

    def _bring(self, letter_id: str, answer: Answer) -> None:
        headers = {"X-Status": str(answer.status), "Content-Type": answer.media_type or "application/octet-stream"}
        self._ask("PUT", f"/{letter_id}", headers, answer.body)

    def _patiently(self, attempt: Callable[[], None]) -> None:
        """Try a few times, also where the controller says that it cannot take it now, as while its database is locked.

        What is not brought then is asked for again by the controller.
        """
        for tries in range(1, _TRIES + 1):
            try:
                attempt()
            except (OSError, HTTPException) as error:  # noqa: PERF203 - a request takes longer than that
                if isinstance(error, urllib.error.HTTPError) and _is_final(error.code):
                    _log.info("the controller does not want an answer any more: %s", error)
                    return
                _log.warning("an answer could not be brought to the controller (try %d): %s", tries, error)
                self._stopped.wait(tries)
            else:
                return

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            self._mailbox + path, data=body, headers={**self._headers, **(headers or {})}, method=method
        )
        with urllib.request.urlopen(request, timeout=_PATIENCE_S, context=self._trust) as response:  # noqa: S310
            content: bytes = response.read()
            return content


def _is_final(status: int) -> bool:
    """Whether a refusal stands; boards behind one address share its rate limit, and are told to come later."""
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _LATER


def _reason(error: Exception) -> str:
    """What the controller said, where it said something, or what to do where it is not known."""
    if isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError):
        return f"{error}; give the certificates to know it by in GRADFILTER_AGENT_CONTROLLER_CA"
    said = error.read(1000).decode("utf-8", "replace") if isinstance(error, urllib.error.HTTPError) else ""
    return f"{error} {said}".strip()


def _is_complete(sent: Sequence[Message]) -> bool:
    return bool(sent) and sent[-1]["type"] == "http.response.body" and not sent[-1].get("more_body", False)


async def call_app(app: ASGIApp, *, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
    """One request to an application, without a connection. target: path and query."""
    path, _, query = target.partition("?")
    written = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [*written, (b"content-type", b"application/json"), (b"host", b"mailbox")],
        "client": None,
        "server": None,
    }
    sent: list[Message] = []
    is_asked = False

    async def receive() -> Message:
        nonlocal is_asked
        if is_asked:  # the caller stays until the answer is complete
            await asyncio.Event().wait()
        is_asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except Exception:
        if not _is_complete(sent):
            raise
        _log.exception("%s %s failed", method, path)  # and was answered, as applications do before they fail
    start, *parts = sent
    media_type = next((value for name, value in start["headers"] if name.lower() == b"content-type"), b"")
    return Answer(start["status"], media_type.decode(), b"".join(part.get("body", b"") for part in parts))
