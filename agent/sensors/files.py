"""Reading the one-value text files of /sys and /proc, and refusing what makes no sense in them."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_LONGEST = 4096
_INTEGER = re.compile(rb"\s*(-?[0-9]{1,19})\s*\Z")


def read_bytes(path: Path, most: int = _LONGEST) -> bytes:
    """What a file holds, at most so many bytes.

    Without Python's file objects, whose making costs several times the reading; a sampler reads dozens a second.

    Raises:
        OSError: the file cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = b""  # /proc gives a page at a time
        while len(content) < most and (part := os.read(descriptor, most - len(content))):
            content += part
        return content
    finally:
        os.close(descriptor)


def read_integer(path: Path) -> int | None:
    """The decimal integer that a file holds, or None where it holds anything else.

    Raises:
        OSError: the file cannot be read.
    """
    found = _INTEGER.match(read_bytes(path))
    return int(found.group(1)) if found else None


def read_label(path: Path) -> str:
    """The first words of a text file, without what cannot be printed; '' where it cannot be read."""
    try:
        text = read_bytes(path).decode("utf-8", "replace")
    except OSError:
        return ""
    return "".join(character for character in text if character.isprintable()).strip()[:100]


def readable(path: Path) -> bool:
    """Whether the file can be read now, which for /sys only reading tells."""
    try:
        read_bytes(path, 1)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Gauge:
    """A file with one integer. value = integer times scale; outside [low, high] it is no reading."""

    path: Path
    scale: float
    low: float
    high: float

    def read(self) -> float | None:
        """The value in the channel's unit, None where the file's content makes no sense.

        Raises:
            OSError: the file cannot be read.
        """
        integer = read_integer(self.path)
        if integer is None:
            return None
        value = integer * self.scale
        return value if self.low <= value <= self.high else None


class Readable(Protocol):
    """A gauge, or what is computed from several."""

    def read(self) -> float | None:
        """The value, None where there is none that makes sense; OSError where it cannot be read."""


def read_each(sources: Sequence[Readable]) -> list[float | None]:
    """One value a source. A single one that cannot be read has no reading.

    Raises:
        OSError: not one of them can be read.
    """
    values: list[float | None] = []
    errors: list[OSError] = []
    for source in sources:
        try:
            values.append(source.read())
        except OSError as error:  # noqa: PERF203 - an unconnected channel or a zone that sleeps answers with an I/O error
            values.append(None)
            errors.append(error)
    if errors and len(errors) == len(sources):
        raise errors[0]
    return values
