"""Who may command this board: whoever shows its token, or, where it has none, whoever is on the board itself."""

import hmac
import ipaddress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.problems import problem
from agent.settings import AgentSettings

# What a watcher needs, and tells nothing but that the board is alive and how much it does.
OPEN_PATHS = frozenset({"/health", "/metrics"})


class TokenGuard:
    """ASGI middleware: 401 for a request that does not show the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may enter; the comparison takes as long for a wrong token."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        shown = Headers(scope=scope).get("authorization", "").encode()
        if hmac.compare_digest(shown, self._expected):
            await self._app(scope, receive, send)
            return
        detail = "this board wants its token, GRADFILTER_AGENT_TOKEN, in the header Authorization: Bearer TOKEN."
        refusal = problem(401, "the token is missing or wrong", detail, headers={"WWW-Authenticate": "Bearer"})
        await refusal(scope, receive, send)


def exposure(settings: AgentSettings) -> str:
    """Why an agent with these settings must not listen, in a sentence; '' when it may."""
    if settings.token is not None or is_loopback(settings.host):
        return ""
    return (
        f"on {settings.host} anybody on the network could have this board train. Set GRADFILTER_AGENT_TOKEN to what "
        "`gradfilter tokens board NAME` prints on the controller's machine, or listen on 127.0.0.1 and tunnel."
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address; a name other than localhost may be anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
