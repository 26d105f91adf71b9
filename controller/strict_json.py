"""Reading request bodies as strict JSON: what could not be stored or sent on is refused where it enters."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from gradfilter.bench.schema.strict_json import parse_json

_LARGEST_BODY = 1 << 20


class StrictRequest(Request):
    """A request whose JSON has only finite numbers, each field once, and text that every database takes."""

    async def body(self) -> bytes:
        """The body, read up to a megabyte.

        Raises:
            HTTPException: 413 for a larger one.
        """
        if not hasattr(self, "_body"):
            received = bytearray()
            async for chunk in self.stream():
                received += chunk
                if len(received) > _LARGEST_BODY:
                    raise HTTPException(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have at most {_LARGEST_BODY} bytes."
                    )
            self._body = bytes(received)
        return self._body

    async def json(self) -> Any:
        """The parsed body.

        Raises:
            json.JSONDecodeError: it is not strict JSON; FastAPI makes a 422 of it.
        """
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """A route that reads its body as strict JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, given a stricter request."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return handle
