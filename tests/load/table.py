"""The one table that `make load` prints: what was measured, when and on which machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One measured quantity; wanted is what it must hold."""

    name: str
    value: str
    wanted: str = ""


@dataclass(frozen=True)
class Section:
    """What one part of the load measured."""

    title: str
    rows: Sequence[Row]


def print_section(section: Section) -> None:
    """Print a part of the table."""
    print(f"\n{section.title}")
    for row in section.rows:
        print(f"  {row.name:48s} {row.value:>12s}  {row.wanted}".rstrip(), flush=True)


def machine() -> str:
    """The day and the machine, as one line."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(":")[2].strip() for line in cpuinfo if "model name" in line), platform.machine())
    day = datetime.now(tz=timezone.utc).date().isoformat()
    return f"{day}, {os.cpu_count()} cores of {name}, Python {platform.python_version()}"
