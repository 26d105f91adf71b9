"""Looking for agents that announce themselves on the local network of this machine, by mDNS."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from controller.job_file import InputError
from controller.jobs import NewDevice
from gradfilter.bench.schema import ANNOUNCED_AS

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

_ANSWER_MS = 1000


def discover(seconds: float, interface: str | None = None) -> list[NewDevice]:
    """Boards as they could be registered: one for each address of each agent that was heard in so many seconds.

    interface: this machine's address on the one network to look at; all of them without. Anybody on the network may
    announce anything: what is no name and address of a board is left out.

    Raises:
        InputError: zeroconf is not installed, or there is no such network.
    """
    if find_spec("zeroconf") is None:
        raise InputError("looking for boards needs zeroconf: pip install 'gradfilter-bench[mdns]'.")
    from zeroconf import InterfaceChoice, ServiceBrowser, ServiceStateChange, Zeroconf  # noqa: PLC0415 - an extra

    names: set[str] = set()

    def heard(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:  # noqa: ARG001
        (names.discard if state_change is ServiceStateChange.Removed else names.add)(name)

    try:
        zeroconf = Zeroconf(interfaces=[interface] if interface else InterfaceChoice.All)
    except (OSError, ValueError) as error:  # no address of this machine, or none at all
        raise InputError(f"cannot listen on {interface or 'the local network'}: {error}.") from error
    with closing(zeroconf):
        ServiceBrowser(zeroconf, ANNOUNCED_AS, handlers=[heard])
        time.sleep(seconds)
        with ThreadPoolExecutor() as asking:  # at once: each may be silent, and is waited for
            services = list(asking.map(partial(_service, zeroconf), sorted(names)))
    return [board for service in services if service is not None for board in _boards(service)]


def _service(zeroconf: "Zeroconf", name: str) -> "ServiceInfo | None":
    """What is announced by this name; None where nobody says, or where it is no name of such a service."""
    from zeroconf import Error  # noqa: PLC0415

    try:
        return zeroconf.get_service_info(ANNOUNCED_AS, name, _ANSWER_MS)
    except Error:
        return None


def _boards(service: "ServiceInfo") -> Iterator[NewDevice]:
    from zeroconf import IPVersion  # noqa: PLC0415

    scheme = (service.properties.get(b"scheme") or b"").decode(errors="replace")
    if scheme not in ("http", "https"):
        return
    for address in service.parsed_addresses(IPVersion.V4Only):
        with suppress(ValueError):
            yield NewDevice(service.get_name(), f"{scheme}://{address}:{service.port}")
