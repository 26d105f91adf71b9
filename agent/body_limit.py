"""Refuses request bodies that no RunSpec needs, before they take a small board's memory."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.problems import problem

LARGEST_BODY = 512 * 1024


class BodyLimit:
    """ASGI middleware: 413 for a body that says it is too large, or turns out to be."""

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
        await self._app(scope, _Replay(messages, receive), send)


class _Replay:
    """Gives the messages that were taken already, then whatever comes."""

    def __init__(self, messages: list[Message], receive: Receive) -> None:
        self._messages = messages
        self._receive = receive

    async def __call__(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()
