"""Connections to the boards: an order goes over one that is idle, and over a new one where none is."""

import asyncio
import ssl

import aiohttp
from yarl import URL

from controller.access.board_tokens import BoardTokens
from controller.carrying import Answer, NotCarriedError, Order
from controller.errors import AnswerTooLargeError


class Connections:
    """Carries orders over HTTP; every agent is shown the token of its own board. Made and used on one event loop.

    timeout_s: how long a connection may take to be made. largest_answer: how many bytes an answer may have.
    """

    def __init__(
        self, *, tokens: BoardTokens, authorities: ssl.SSLContext, timeout_s: float, largest_answer: int
    ) -> None:
        self._tokens = tokens
        self._timeout_s = timeout_s
        self._largest_answer = largest_answer
        # As many as there are boards, each of which may hold a question about its run. Boards are in the lab: a proxy
        # of the environment would lead away from them, which aiohttp does not heed by itself.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=authorities, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=["User-Agent", "Accept-Encoding"],
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def carry(self, order: Order) -> Answer:
        """Raises what a Carrier does."""
        try:
            async with self._http.request(
                order.method,
                URL(order.url + order.path, encoded=True),
                headers=self._headers(order),
                data=order.body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=self._timeout_s, sock_read=order.patience_s),
            ) as response:
                body = await self._limited(order, response)
                return Answer(response.status, response.headers.get("Content-Type", ""), body)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            raise NotCarriedError(str(error) or type(error).__name__) from error

    def _headers(self, order: Order) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._tokens.of(order.device)}"}
        if order.lease is not None:
            headers["X-Lease-Token"] = str(order.lease)
        if order.body is not None:
            headers["Content-Type"] = "application/json"
        return headers

    async def _limited(self, order: Order, response: aiohttp.ClientResponse) -> bytes:
        """The whole answer, read no further than it may be long."""
        received = bytearray()
        async for chunk in response.content.iter_any():
            received += chunk
            if len(received) > self._largest_answer:
                raise AnswerTooLargeError(
                    f"the agent at {order.url} answered with more than the {self._largest_answer} bytes that this "
                    "controller takes; ask for fewer steps, or for fewer readings by a longer sampling.period_s."
                )
        return bytes(received)
