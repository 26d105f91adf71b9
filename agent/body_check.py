"""Refuses request bodies before anybody reads them: too large for a small board's memory, or no strict JSON."""

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.problems import problem
from gradfilter.bench.schema.strict_json import parse_json

LARGEST_BODY = 512 * 1024


class BodyCheck:
    """ASGI middleware: 413 for a body that turns out to be too large, 422 for one that is no strict JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting what comes in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []
        size = 0
        while not messages or messages[-1].get("more_body", False):
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST_BODY:
                refusal = problem(413, "the body is too large", f"a body may have at most {LARGEST_BODY} bytes.")
                await refusal(scope, receive, send)
                return
            messages.append(message)
        if complaint := _complaint(b"".join(message.get("body", b"") for message in messages)):
            refusal = problem(422, "the request does not fit", f"the body is not JSON: {complaint}.")
            await refusal(scope, receive, send)
            return
        await self._app(scope, _Replay(messages, receive), send)


def _complaint(body: bytes) -> str:
    """What is wrong with a body, if there is one; '' else."""
    try:
        if body:
            parse_json(body)
    except json.JSONDecodeError as error:
        return error.msg
    return ""


class _Replay:
    """Gives the messages that were taken already, then whatever comes."""

    def __init__(self, messages: list[Message], receive: Receive) -> None:
        self._messages = messages
        self._receive = receive

    async def __call__(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()
