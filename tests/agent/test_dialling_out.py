"""Dialling out: how a board brings its answers to a controller that does not always take them."""

import asyncio
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agent.dialling_out import DiallingOut, call_app

TRUST = ssl.create_default_context()
LETTER = {"id": "1", "method": "GET", "path": "/v1/device", "lease": None, "body": None}


class Mailbox:
    """A controller's mailbox that holds one letter, and takes answers with these statuses, one after another."""

    def __init__(self, *statuses):
        self.letters, self.statuses = [LETTER], list(statuses)
        self.brought, self.has_all = [], threading.Event()
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                letters, mailbox.letters = mailbox.letters, []
                if not letters:
                    mailbox.has_all.wait(20)  # as a mailbox that nobody posts to
                self._answer(200, json.dumps(letters).encode())

            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mailbox.brought.append((int(self.headers["X-Status"]), body))
                self._answer(mailbox.statuses.pop(0), b"")
                if not mailbox.statuses:
                    mailbox.has_all.set()

            def _answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/v1/mailbox/nano-1"


@pytest.fixture
def answered():
    """What a board with this application brings to such a mailbox, until that has taken the last status."""

    def bring(app, *statuses):
        mailbox = Mailbox(*statuses)
        serving = threading.Thread(target=mailbox.server.serve_forever)
        serving.start()

        async def dial():
            board = DiallingOut(app, mailbox.url, "token", TRUST, asyncio.get_running_loop())
            board.start()
            assert await asyncio.to_thread(mailbox.has_all.wait, 20)
            board.stop()

        try:
            asyncio.run(dial())
        finally:
            mailbox.server.shutdown()
            serving.join()
            mailbox.server.server_close()
        return mailbox.brought

    return bring


async def healthy(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"well"})


async def broken(scope, receive, send):
    """As Starlette does, answer that it failed and then fail."""
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": b"failed"})
    raise ValueError("a defect")


async def broken_off(scope, receive, send):
    """As a file's response does when its disk fails."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"the first part", "more_body": True})
    raise OSError("the file cannot be read")


def test_a_controller_that_cannot_take_an_answer_now_is_asked_again(answered):
    """Its database may be locked, or a proxy may stand before one that is just starting."""
    assert [(200, b"well")] * 3 == answered(healthy, 503, 502, 204)


def test_a_controller_that_is_asked_too_often_is_asked_again(answered):
    """Boards behind one address share its rate limit: a refusal for that, or for slowness, means later."""
    assert [(200, b"well")] * 3 == answered(healthy, 429, 408, 204)


def test_an_answer_that_broke_off_is_none():
    """A file that could not be read to its end is not brought as if it were whole."""
    call = call_app(broken_off, method="GET", target="/v1/runs/1/files/profile", headers={}, body=b"")
    with pytest.raises(OSError, match="cannot be read"):
        asyncio.run(call)


def test_an_answer_that_nobody_wants_is_not_brought_again(answered):
    """The question was withdrawn."""
    assert [(200, b"well")] == answered(healthy, 404)


def test_an_application_that_fails_has_answered(answered):
    """The controller learns at once that it failed, and need not wait until its patience is over."""
    assert [(500, b"failed")] == answered(broken, 204)
