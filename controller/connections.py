"""Connections to the boards, a pool for each of them.

A pool is searched from end to end for every request, which one for a thousand boards must not be. A board's pool stays
when the board is removed: it holds no connection then but those that the board itself keeps open.
"""

import ssl

import httpx2


class Connections(httpx2.AsyncBaseTransport):
    """The transport of requests that say in their extensions which `device` they are for. Used on one event loop."""

    def __init__(self, authorities: ssl.SSLContext) -> None:
        self._authorities = authorities
        self._pools: dict[str, httpx2.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to its board."""
        device = request.extensions["device"]
        if device not in self._pools:
            self._pools[device] = httpx2.AsyncHTTPTransport(verify=self._authorities)
        return await self._pools[device].handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()
