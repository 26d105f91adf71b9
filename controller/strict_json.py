"""Reading request bodies as strict JSON: what could not be stored or sent on is refused where it enters."""

import json
import math
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

_LARGEST_BODY = 1 << 20


class StrictRequest(Request):
    """A request whose JSON has only finite numbers and text that every database takes."""

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
        return parse(await self.body())


class StrictRoute(APIRoute):
    """A route that reads its body as strict JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, given a stricter request."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return handle


def parse(body: bytes) -> Any:
    """A JSON value.

    Raises:
        json.JSONDecodeError: the body is not JSON, or holds NaN, Infinity, a number too large for a float,
            a NUL character or half a surrogate pair.
    """
    try:
        value = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
        if b"\\u" in body:
            _check_text(json.dumps(value, ensure_ascii=False))
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError(str(error), "", 0) from error
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is too large")
    return number


def _check_text(written: str) -> None:
    if "\\u0000" in written.replace("\\\\", ""):
        raise ValueError("text must not hold the character NUL")
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise ValueError("text must not hold half a surrogate pair") from error
