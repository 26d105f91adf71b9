"""Instants as the database and the API write them: UTC, ISO 8601, of fixed width, so that they sort as text."""

from collections.abc import Callable
from datetime import datetime, timezone

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present, aware of its time zone."""
    return datetime.now(timezone.utc)


def as_text(instant: datetime) -> str:
    """'2026-01-02T03:04:05.678901Z'; an instant without a time zone is taken as UTC.

    Raises:
        OverflowError: in UTC it is before the year 1 or after the year 9999.
    """
    aware = instant.replace(tzinfo=timezone.utc) if instant.tzinfo is None else instant.astimezone(timezone.utc)
    # Not strftime, which writes the year 999 with three digits on some systems.
    return aware.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> datetime:
    """The instant that as_text wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
