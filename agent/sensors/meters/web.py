"""Asking a meter by HTTP, in bounded time, with every failure in words and no secret in any of them."""

import base64
import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from agent.sensors.meters.answers import MeterError, parse
from agent.sensors.meters.digest import Digest, digest

# Shorter than a reading of any sensor may last before it counts as hanging (agent/sensor_thread.py).
TIMEOUT_S = 1.5
_LONGEST_BODY = 65536
_CHUNK = 4096


@dataclass(frozen=True)
class Answer:
    """A JSON document, and the instant of time.monotonic() in the middle between its request and its first bytes."""

    document: Any
    at_s: float


@dataclass(frozen=True)
class _Response:
    status: int
    body: bytes
    challenges: list[str]
    at_s: float


class Web:
    """One meter's address. `target` is the path and query of its url, `user` and `password` are its login; `place`
    is the rest, which may be shown.

    Every request has a connection of its own, since the small servers of meters keep few and close them at will.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self.user, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._digest: Digest | None = None
        self._basic = False

    def get(self, target: str) -> Answer:
        """What it answers to a GET.

        Raises:
            MeterError: it is no JSON document, or there is no answer; the sentence says where and why.
        """
        try:
            until_s = time.monotonic() + TIMEOUT_S
            response = self._exchange(target, until_s)
            if response.status == HTTPStatus.UNAUTHORIZED and self._take_challenge(response.challenges):
                response = self._exchange(target, until_s)
            self._refuse_failure(response, target)
            return Answer(parse(response.body), response.at_s)
        except MeterError as error:
            raise MeterError(f"{self.place}: {error}") from None
        except ssl.SSLCertVerificationError as error:
            raise MeterError(f"{self.place}: its certificate is not trusted ({error.verify_message}).") from None
        except http.client.HTTPException as error:
            raise MeterError(f"{self.place}: what it sends is no HTTP ({type(error).__name__}).") from None
        except socket.gaierror:
            raise MeterError(f"{self.place}: this name is not known; give the meter's address.") from None
        except TimeoutError:
            raise MeterError(f"{self.place}: it did not answer within {TIMEOUT_S:g} s.") from None
        except OSError as error:
            raise MeterError(f"{self.place}: it cannot be reached: {error.strerror or error}.") from None

    def _exchange(self, target: str, until_s: float) -> _Response:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=_left(until_s))
        try:
            connection.connect()
            peer: socket.socket = connection.sock
            peer.settimeout(_left(until_s))
            sent_s = time.monotonic()
            connection.request("GET", target, headers=self._headers(target))
            response = connection.getresponse()
            at_s = (sent_s + time.monotonic()) / 2
            body = b""
            while chunk := response.read1(_CHUNK):
                body += chunk
                if len(body) > _LONGEST_BODY:
                    raise MeterError(f"its answer is longer than {_LONGEST_BODY} bytes.")
                peer.settimeout(_left(until_s))
            return _Response(response.status, body, response.headers.get_all("WWW-Authenticate", []), at_s)
        finally:
            connection.close()

    def _headers(self, target: str) -> dict[str, str]:
        headers = {"Accept": "application/json", "Connection": "close"}
        if self._digest is not None:
            headers["Authorization"] = self._digest.header("GET", target)
        elif self._basic:
            login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        return headers

    def _take_challenge(self, challenges: list[str]) -> bool:
        """Whether the challenge is one that the next request answers."""
        if not self.user:
            return False
        self._digest = digest(challenges, self.user, self.password)
        self._basic = any(challenge.lower().startswith("basic") for challenge in challenges)
        return self._basic or self._digest is not None

    def _refuse_failure(self, response: _Response, target: str) -> None:
        status, path = response.status, target.partition("?")[0]
        if status == HTTPStatus.UNAUTHORIZED:
            if not self.user:
                raise MeterError("it wants a user and a password; write them into its url (http://user:password@…).")
            schemes = ", ".join(challenge.partition(" ")[0] for challenge in response.challenges) or "none"
            raise MeterError(f"it refuses the user and password of its url (it offers {schemes} authentication).")
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            raise MeterError(f"it redirects {path} (HTTP {status}); give the url it redirects to.")
        if status != HTTPStatus.OK:
            raise MeterError(f"it answers HTTP {status} to {path}{_phrase(status)}.")


def _left(until_s: float) -> float:
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""
