"""Making the agent known on its local network by mDNS (RFC 6762, 6763), for `gradfilter devices discover`."""

import ipaddress
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.settings import AgentSettings
from gradfilter.bench.schema import ANNOUNCED_AS

if TYPE_CHECKING:
    from ifaddr import Adapter

_log = logging.getLogger(__name__)


@asynccontextmanager
async def announced(settings: AgentSettings) -> AsyncIterator[None]:
    """Meanwhile the agent is known by its host's name, where the settings ask for it.

    By IPv4, on all networks that others reach it by, or on that alone on which the agent listens. What prevents that is
    logged.
    """
    if not settings.announce:
        yield
        return
    from zeroconf import Error  # noqa: PLC0415 - an extra
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415

    name = socket.gethostname().partition(".")[0]
    announcing = None
    try:
        addresses = _addresses(settings)
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


def _addresses(settings: AgentSettings) -> list[str]:
    """This board's own at which others can call the agent.

    Raises:
        OSError: there is none.
    """
    if settings.host not in ("0.0.0.0", "::"):  # noqa: S104 - the words for all
        return [socket.gethostbyname(settings.host)]
    import ifaddr  # noqa: PLC0415 - of the same extra

    if found := reachable(ifaddr.get_adapters(), settings.root):
        return found
    raise OSError("this board has no IPv4 address yet but its own bridges'; GRADFILTER_AGENT_HOST can name one")


def reachable(adapters: "Iterable[Adapter]", root: Path) -> list[str]:
    """IPv4 addresses that other machines can reach: not loopback's, and no bridge's.

    A bridge is a network inside this board in most cases, of containers or virtual machines. root: where the kernel's
    /sys is, which tells bridges apart.
    """
    outward = [adapter for adapter in adapters if not (root / "sys/class/net" / adapter.name / "bridge").exists()]
    own = [ipaddress.ip_address(ip.ip) for adapter in outward for ip in adapter.ips if isinstance(ip.ip, str)]
    return [str(address) for address in own if not address.is_loopback]
