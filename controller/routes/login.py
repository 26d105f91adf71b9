"""Logging in to the dashboard: a form takes a token and keeps it in a cookie that no script can read."""

from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from controller.access.guard import COOKIE
from controller.access.tokens import id_of
from controller.dashboard.pages import login_page
from controller.routes.pages import page
from controller.services import ServicesOfApp
from controller.strict_json import StrictRoute

router = APIRouter(include_in_schema=False, route_class=StrictRoute)

_WEEK_S = 7 * 24 * 3600


@router.get("/login")
def ask(then: str = "/") -> HTMLResponse:
    """The form. then: the page to go to afterwards."""
    return page(login_page(_local(then)))


@router.post("/login")
async def enter(request: Request, services: ServicesOfApp) -> Response:
    """Keep a token that is valid, and go on; else ask again."""
    form = parse_qs((await request.body()).decode("ascii", "replace"))
    token, then = form.get("token", [""])[0].strip(), _local(form.get("then", ["/"])[0])
    token_id = id_of(token)
    caller = None if token_id is None else await run_in_threadpool(services.store.tokens.caller, token_id, token)
    if caller is None:
        sentence = "This token opens nothing: it is mistyped or revoked."
        return page(login_page(then, sentence), HTTPStatus.UNAUTHORIZED)
    response = RedirectResponse(then, HTTPStatus.SEE_OTHER)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, max_age=_WEEK_S, httponly=True, samesite="lax", secure=secure)
    return response


@router.post("/logout")
def leave() -> Response:
    """Forget the token."""
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return response


def _local(path: str) -> str:
    """A page of this dashboard, never another site's: two slashes, of either kind, would begin one."""
    return path if path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() else "/"
