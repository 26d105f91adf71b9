"""One controller's address: requests to it, and in words what is wrong with an answer, or with there being none."""

import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from controller.client.errors import ControllerError, ControllerUnreachableError, refusal

DEFAULT_URL = "http://127.0.0.1:8100"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# The stream is never silent for longer than the server's pings, so this long a silence is a dead peer.
_STREAM_SILENCE_S = 60.0
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"


class Connection:
    """Sends requests. Every method raises ControllerError, or ControllerUnreachableError where nothing answers."""

    def __init__(self, base_url: str, *, token: str | None, ca_file: str | None, timeout_s: float) -> None:
        self.base_url = base_url.rstrip("/")
        try:
            address = urlsplit(self.base_url)
        except ValueError as error:
            raise _not_an_address(base_url) from error
        if address.scheme not in ("http", "https") or not address.hostname:
            raise _not_an_address(base_url)
        # A proxy of the environment is for the world outside, never for this machine.
        trust_env = address.hostname not in _LOOPBACK
        self._http = httpx2.Client(
            base_url=self.base_url,
            timeout=timeout_s,
            trust_env=trust_env,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            verify=True if ca_file is None else _trusting(ca_file),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Any]:
        """All items of a list that comes in pages."""
        cursor: str | None = None
        while True:
            page = self.json("GET", path, params={**filters, "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def events(self, path: str, kind: str) -> Iterator[Any]:
        """What server-sent events of one kind hold, as they come, until the stream ends."""
        try:
            with self._http.sse(path, timeout=_STREAM_SILENCE_S) as events:
                self._check(events.response)
                for event in events:
                    if event.event == kind:
                        yield event.json()
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error

    def json(
        self, method: str, path: str, *, content: bytes | None = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """What the controller answers, read as JSON."""
        response = self.send(method, path, content=content, params=params)
        try:
            return response.json()
        except ValueError as error:
            raise ControllerError(
                f"what answers at {self.base_url} is not a controller; give the right address with --controller."
            ) from error

    def send(
        self, method: str, path: str, *, content: bytes | None = None, params: Mapping[str, Any] | None = None
    ) -> httpx2.Response:
        """A successful answer; parameters that are None are left out."""
        headers = {"content-type": "application/json"} if content is not None else None
        given = {name: value for name, value in (params or {}).items() if value is not None}
        try:
            response = self._http.request(method, path, content=content, params=given, headers=headers)
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        self._check(response)
        return response

    def _check(self, response: httpx2.Response) -> None:
        if not response.is_success:
            response.read()
            raise refusal(response.status_code, response.text, self.base_url)

    def _unreachable(self, error: Exception) -> ControllerUnreachableError:
        if _UNTRUSTED in str(error):
            return ControllerUnreachableError(
                f"what answers at {self.base_url} cannot show that it is the controller ({error}); "
                "give the certificates to know it by in GRADFILTER_CA."
            )
        return ControllerUnreachableError(
            f"no controller answers at {self.base_url} ({_reason(error)}); start one with `gradfilter controller`, "
            f"or give its address with --controller or GRADFILTER_CONTROLLER."
        )


def _not_an_address(text: str) -> ControllerError:
    return ControllerError(f"the controller's address must look like {DEFAULT_URL}, got {text!r}.", status=400)


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # an SSLError is one too
        raise ControllerError(f"{ca_file} holds no certificates that can be read ({error}).", status=400) from error


def _reason(error: Exception) -> str:
    return "no answer in time" if isinstance(error, httpx2.TimeoutException) else str(error) or type(error).__name__
