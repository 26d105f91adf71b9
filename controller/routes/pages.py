"""How every page of the dashboard is sent."""

from http import HTTPStatus

from fastapi.responses import HTMLResponse

# Everything comes from this server; inline scripts and styles are refused, so that a name that slipped
# through escaping could still not run.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Browsers then say that a form comes from this very site, which the guard asks for.
    "Referrer-Policy": "same-origin",
    # The page's script asks for the page again at every change and must not get an old one.
    "Cache-Control": "no-store",
}


def page(html: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    """A page with the headers that all of them have."""
    return HTMLResponse(html, status_code=status, headers=HEADERS)
