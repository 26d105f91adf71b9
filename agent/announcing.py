"""Making the agent known on its local network by mDNS (RFC 6762, 6763), for `gradfilter devices discover`."""

import logging
import socket
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.settings import AgentSettings
from gradfilter.bench.schema import ANNOUNCED_AS

_log = logging.getLogger(__name__)


@asynccontextmanager
async def announced(settings: AgentSettings) -> AsyncIterator[None]:
    """Meanwhile the agent is known by its host's name, where the settings ask for it.

    On all networks of this board, by IPv4, or on that alone on which the agent listens. What prevents that is logged.
    """
    if not settings.announce:
        yield
        return
    from zeroconf import Error  # noqa: PLC0415 - an extra
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415

    name = socket.gethostname().partition(".")[0]
    announcing = None
    try:
        addresses = _addresses(settings.host)
        announcing = AsyncZeroconf(interfaces=addresses)
        service = AsyncServiceInfo(
            ANNOUNCED_AS,
            f"{name}.{ANNOUNCED_AS}",
            port=settings.port,
            # The host's own name may be another's too, or announced already with other addresses.
            server=f"gradfilter-{uuid.getnode():012x}.local.",
            parsed_addresses=addresses,
            properties={"scheme": "http" if settings.tls_certificate is None else "https"},
        )
        await announcing.async_register_service(service, allow_name_change=True)
        _log.info("announced as %s at %s", service.name, ", ".join(addresses))
    except (OSError, Error) as error:
        _log.warning("the agent cannot be announced, and goes on without: %s", error)
    try:
        yield
    finally:
        if announcing is not None:
            await announcing.async_close()


def _addresses(host: str) -> list[str]:
    """This board's own on which it listens.

    Raises:
        OSError: there is none.
    """
    if host not in ("0.0.0.0", "::"):  # noqa: S104 - the words for all
        return [socket.gethostbyname(host)]
    import ifaddr  # noqa: PLC0415 - of the same extra

    found = [str(own.ip) for adapter in ifaddr.get_adapters() for own in adapter.ips if own.is_IPv4]
    if beyond := [address for address in found if not address.startswith("127.")]:
        return beyond
    raise OSError("this board has no IPv4 address yet")
