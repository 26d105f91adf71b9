"""The guard at the door: every request is refused unless its token, or the lack of any, allows it.

Refusing is the rule and entering the exception, so that a route that is added later is closed until it is named here.
"""

import asyncio
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from controller.access.exposure import is_loopback
from controller.access.tokens import Caller, TokenScope, id_of
from controller.problems import answer
from controller.store.tokens import Tokens

COOKIE = "gradfilter_token"
ANYBODY = Caller(user="", scope="admin")

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = frozenset({"/health", "/login", "/logout"})
_OPEN_FOLDERS = ("/static/", "/v1/mailbox/")  # what is in a mailbox is shown to its board alone, by the route itself
_JOBS = ("/v1/jobs", "/jobs/")
_OWN_SITES = (None, "same-origin", "none")  # none: typed by the user, not sent by a page


class Guard:
    """ASGI middleware; leaves the caller in the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = refuse_other_sites(request) or await self._admit(request)
        await (refusal or self._app)(scope, receive, send)

    async def _admit(self, request: Request) -> Response | None:
        needed = needed_scope(request.method, request.scope["path"])
        if needed is None:
            return None
        tokens: Tokens = request.app.state.services.store.tokens
        caller = await asyncio.to_thread(find_caller, tokens, request)
        if caller is None:
            return _unknown(request)
        if not caller.may(needed):
            return answer(
                HTTPStatus.FORBIDDEN,
                f"this needs a token with the scope {needed!r}; {caller.user}'s has the scope {caller.scope!r}.",
            )
        request.state.caller = caller
        return None


def needed_scope(method: str, path: str) -> TokenScope | None:
    """What a request needs; None lets everybody in."""
    if path in _OPEN or path.startswith(_OPEN_FOLDERS):
        return None
    if method in _READS:
        return "read"
    return "submit" if path.startswith(_JOBS) else "admin"


def find_caller(tokens: Tokens, request: Request) -> Caller | None:
    """Who asks, by the header or the dashboard's cookie; where no token was ever made, anybody on this machine."""
    shown = _shown(request)
    if shown is None:
        return ANYBODY if _is_from_here(request) and not tokens.are_in_use() else None
    token_id = id_of(shown)
    return None if token_id is None else tokens.caller(token_id, shown)


def refuse_other_sites(request: Request) -> Response | None:
    """Browsers say which site a change comes from, also one that a foreign page makes with the user's own cookie.

    Programs that are no browsers say nothing, and have no user to misuse.
    """
    if request.method in _READS:
        return None
    origin = request.headers.get("origin")
    is_foreign = request.headers.get("sec-fetch-site") not in _OWN_SITES
    if is_foreign or (origin is not None and origin.partition("://")[2] != request.headers.get("host")):
        sentence = "a page of another site asked for this; open the controller's own pages and do it there."
        return answer(HTTPStatus.FORBIDDEN, sentence)
    return None


def _shown(request: Request) -> str | None:
    header = request.headers.get("authorization")
    if header is None:
        return request.cookies.get(COOKIE)
    kind, _, token = header.partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _is_from_here(request: Request) -> bool:
    """Whether a program on this machine asked for this machine's own address.

    Under another name a foreign page was made to lead here; and the name alone anybody may write, through a proxy too.
    """
    client = request.client
    return client is not None and is_loopback(client.host) and is_loopback(request.url.hostname or "")


def _unknown(request: Request) -> Response:
    """Ask for a token: a person at a page by the form, everybody else in words."""
    path = request.scope["path"]
    if request.method == "GET" and not path.startswith("/v1/") and "text/html" in request.headers.get("accept", ""):
        asked = f"{path}?{request.url.query}" if request.url.query else path
        return RedirectResponse(f"/login?then={quote(asked, safe='')}", HTTPStatus.SEE_OTHER)
    return answer(
        HTTPStatus.UNAUTHORIZED,
        "the controller wants a token, in the header Authorization: Bearer TOKEN, or for the command line in "
        "GRADFILTER_TOKEN; `gradfilter tokens create NAME` makes one on its machine. One that has none answers its own "
        "machine only, as 127.0.0.1 or localhost.",
        headers={"WWW-Authenticate": "Bearer"},
    )
