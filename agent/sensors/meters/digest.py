"""Digest access authentication as a client: RFC 7616, with SHA-256 or MD5. The standard library's knows only MD5."""

import hashlib
import re
import secrets
from collections.abc import Iterable

_PART = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES = {"SHA-256": "sha256", "MD5": "md5"}  # the better one first


class Digest:
    """A server's challenge, and the answers to it: one a request, for as long as the server takes its nonce."""

    def __init__(self, challenge: dict[str, str], user: str, password: str) -> None:
        self._challenge = challenge
        self._algorithm = challenge.get("algorithm", "MD5")
        self._secret = self._hash(f"{user}:{challenge['realm']}:{password}")
        self._user = user
        self._count = 0

    def header(self, method: str, target: str, own: str = "") -> str:
        """The Authorization header of a request. own: the client's nonce, by default a fresh one."""
        self._count += 1
        nonce, count, own = self._challenge["nonce"], f"{self._count:08x}", own or secrets.token_hex(8)
        request = self._hash(f"{method}:{target}")
        qualities = "qop" in self._challenge  # the older RFC 2069 has none
        middle = f"{nonce}:{count}:{own}:auth" if qualities else nonce
        parts = {
            "username": self._user,
            "realm": self._challenge["realm"],
            "nonce": nonce,
            "uri": target,
            "response": self._hash(f"{self._secret}:{middle}:{request}"),
        }
        if "opaque" in self._challenge:
            parts["opaque"] = self._challenge["opaque"]
        quoted = ", ".join(f'{name}="{value}"' for name, value in parts.items())
        counted = f', qop=auth, nc={count}, cnonce="{own}"' if qualities else ""
        return f"Digest {quoted}, algorithm={self._algorithm}{counted}"

    def _hash(self, text: str) -> str:
        return hashlib.new(_HASHES[self._algorithm.upper()], text.encode(), usedforsecurity=False).hexdigest()


def digest(challenges: Iterable[str], user: str, password: str) -> Digest | None:
    """An answer to the best of the WWW-Authenticate headers, None where none of them can be answered."""
    offered: dict[str, dict[str, str]] = {}
    for challenge in challenges:
        scheme, _, rest = challenge.partition(" ")
        parts = {name.lower(): quoted or plain for name, quoted, plain in _PART.findall(rest)}
        if scheme.lower() == "digest" and {"realm", "nonce"} <= set(parts) and "auth" in parts.get("qop", "auth"):
            offered[parts.get("algorithm", "MD5").upper()] = parts
    best = next((offered[name] for name in _HASHES if name in offered), None)
    return Digest(best, user, password) if best else None
