"""Forms are taken from the dashboard's own pages only: a page of another site must not submit or cancel jobs."""

from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request

_OWN_SITES = ("same-origin", "none")  # none: typed by the user, not sent by a page


def _refuse_other_origins(request: Request) -> None:
    """Browsers say where a form comes from; programs that are none say nothing and have no user to misuse."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    is_foreign = site is not None and site not in _OWN_SITES
    if is_foreign or (origin is not None and urlsplit(origin).netloc != request.headers.get("host")):
        sentence = "this form was sent by a page of another site; open the dashboard and send it from there."
        raise HTTPException(HTTPStatus.FORBIDDEN, sentence)


SameOrigin = Depends(_refuse_other_origins)
