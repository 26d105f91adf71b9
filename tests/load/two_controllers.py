"""Every board busy under two controllers that share a PostgreSQL; one of them is killed half-way."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.load.busy_boards import Load, Outcome, keep_busy
from tests.load.controllers import Controller
from tests.load.table import Section
from tests.postgresql import PostgreSQL

_LEASE_S = 20.0


def section(options: Sequence[str]) -> Section:
    """Two controllers, then one."""
    load = Load.read(options)
    with tempfile.TemporaryDirectory() as folder, PostgreSQL(is_durable=True) as server:
        outcome = share(load, Path(folder), server.new_database())
    killed = "one killed half-way" if outcome.was_half_way else "none killed, since half of the runs were never stored"
    title = f"{load}, two controllers on PostgreSQL, {killed} (leases of {_LEASE_S:g} s)"
    return Section(title, outcome.rows(load))


def share(load: Load, folder: Path, database_url: str) -> Outcome:
    """The load under two controllers, the first of which gets SIGKILL when half of all runs are stored."""
    key = folder / "board.key"  # a board obeys whoever shows the token that this makes
    first, second = (
        Controller(folder / name, database_url=database_url, board_key_file=key, lease_s=_LEASE_S, device_poll_s=60)
        for name in ("first", "second")
    )
    return keep_busy(load, [first, second], half_way=first.kill)
