"""Cursors: where a page ended, as opaque text."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from controller.errors import FieldError, InvalidRequestError
from controller.jobs import Page

T = TypeVar("T")
Key = list[str | int]

# Identifiers have 32 bits in PostgreSQL; a larger number names nothing.
LARGEST_ID = 2**31 - 1


def write_cursor(key: Key) -> str:
    """The cursor of a page that ended with this key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, shape: Sequence[type]) -> Key | None:
    """The key of a cursor, None for the first page.

    Raises:
        InvalidRequestError: this is no cursor of such a list.
    """
    if cursor is None:
        return None
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        key = None
    if isinstance(key, list) and [type(part) for part in key] == list(shape) and _is_storable(key):
        return key
    sentence = f"cursor must be the `next` of the page before, got {cursor[:120]!r}."
    raise InvalidRequestError(sentence, [FieldError("cursor", sentence)])


def _is_storable(key: Key) -> bool:
    """Whether a database takes every part; a cursor comes from outside."""
    numbers = all(abs(part) <= LARGEST_ID for part in key if isinstance(part, int))
    return numbers and all(part.isprintable() for part in key if isinstance(part, str))


def page(found: Sequence[T], limit: int, key: Callable[[T], Key]) -> Page[T]:
    """A page of at most limit items, from a query that asked for one more than that."""
    items = list(found[:limit])
    return Page(items=items, next=write_cursor(key(items[-1])) if len(found) > limit else None)
