"""How often one address may ask: a bucket that fills with time and from which every request takes one."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from controller.problems import answer

_BURST_S = 2.0
_MOST_ADDRESSES = 10_000


class RateLimit:
    """ASGI middleware: 429 for an address that asks more than per_s times a second for longer than a moment."""

    def __init__(self, app: ASGIApp, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._per_s = per_s
        self._full = max(1.0, per_s * _BURST_S)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and since when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say when to ask again."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        missing = self._take((scope["client"] or ("", 0))[0])
        if missing <= 0:
            await self._app(scope, receive, send)
            return
        wait_s = math.ceil(missing / self._per_s)
        sentence = f"more than {self._per_s:g} requests a second came from this address; ask again in {wait_s} s."
        refusal = answer(HTTPStatus.TOO_MANY_REQUESTS, sentence, headers={"Retry-After": str(wait_s)})
        await refusal(scope, receive, send)

    def _take(self, address: str) -> float:
        """What the bucket lacks for this request; 0 where it had enough. Who has not asked for longest is forgotten."""
        now = self._clock()
        left, since = self._buckets.pop(address, (self._full, now))
        left = min(self._full, left + (now - since) * self._per_s)
        missing = max(0.0, 1.0 - left)
        self._buckets[address] = (left if missing else left - 1.0, now)
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return missing
