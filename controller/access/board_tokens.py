"""The token of every board, derived from one key, so that the database holds no secret that opens a board.

A board knows its own token only, which tells nothing of another board's. Controllers that share a database
share the key.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

_PREFIX = "gfb_"
_KEY_BYTES = 32


class BadKeyError(ValueError):
    """The file of the boards' key cannot be used; str() says what to do."""


class BoardTokens:
    """The boards' tokens, by the names that the lab gives them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def kept_in(cls, file: Path) -> "BoardTokens":
        """The tokens of the key in this file, which is made when it is missing, for its owner's eyes only.

        Raises:
            BadKeyError: the file holds no such key.
            OSError: it cannot be read or made.
        """
        if not file.exists():
            _make(file)
        return cls(_read(file))

    def of(self, device: str) -> str:
        """The token that the controller shows to this board."""
        derived = hmac.digest(self._key, device.encode(), hashlib.sha256)
        return _PREFIX + urlsafe_b64encode(derived).decode().rstrip("=")

    def is_of(self, device: str, token: str) -> bool:
        """Whether this is the board's token; takes as long for a wrong one."""
        return hmac.compare_digest(self.of(device).encode(), token.encode())


def _make(file: Path) -> None:
    """A new key; whole when it appears, and the first one of two that are made at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, written = tempfile.mkstemp(dir=file.parent)  # for its owner alone
    try:
        with os.fdopen(descriptor, "w") as made:
            made.write(secrets.token_hex(_KEY_BYTES) + "\n")
        with suppress(FileExistsError):
            os.link(written, file)
    finally:
        Path(written).unlink()


def _read(file: Path) -> bytes:
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise BadKeyError(
            f"{file} must hold {_KEY_BYTES} bytes in hexadecimal; bring back the file that was there, or remove it "
            "to have a new one made and give every board its new token."
        )
    return key
