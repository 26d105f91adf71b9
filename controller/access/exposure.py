"""Where a controller may listen: on loopback always, elsewhere only when it asks for tokens."""

import ipaddress


def exposure(host: str, *, asks_for_tokens: bool) -> str:
    """Why a controller must not listen there, in a sentence; '' when it may."""
    if asks_for_tokens or is_loopback(host):
        return ""
    return (
        f"without tokens it lets anybody in, so it does not listen on {host}. Make a token first, "
        "`gradfilter tokens create NAME --scope admin`, or listen on 127.0.0.1 and tunnel."
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address; a name other than localhost may be anything."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
