"""People's tokens: what they look like, and what each lets its bearer do.

A token is `gft_<id>_<secret>` and is shown once, when it is made. The id finds its row, so that the secret's digest is
compared with one other, in constant time. A secret has 256 random bits: no dictionary holds it, so SHA-256 is enough.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Literal, get_args

TokenScope = Literal["read", "submit", "admin"]
# Each may do what those before it may.
SCOPES: tuple[TokenScope, ...] = get_args(TokenScope)

_TOKEN = re.compile(r"gft_(?P<id>[0-9a-f]{8})_[A-Za-z0-9_\-]{43}\Z")


@dataclass(frozen=True)
class Caller:
    """Who asks: a token's user, or '' on a controller without tokens."""

    user: str
    scope: TokenScope

    def may(self, scope: TokenScope) -> bool:
        """Whether what needs this scope is allowed."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


@dataclass(frozen=True)
class TokenView:
    """A token as it is listed: everything but itself. revoked_at is None while it is valid."""

    id: str
    user: str
    scope: TokenScope
    created_at: str
    revoked_at: str | None


def new_token() -> tuple[str, str]:
    """A token that nobody has, and its id."""
    token_id = secrets.token_hex(4)
    return f"gft_{token_id}_{secrets.token_urlsafe(32)}", token_id


def id_of(token: str) -> str | None:
    """The id in a token, None of what is none."""
    found = _TOKEN.match(token)
    return found["id"] if found else None


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_digest_of(kept: str, token: str) -> bool:
    """Whether this is the token; takes as long for a wrong one."""
    return hmac.compare_digest(kept, digest(token))
