"""Timing things that take turns, so that ratios come from one run of the same machine."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

import torch

from gradfilter.filtering.native import native_facts

WARM_UP_ROUNDS = 2


def median_seconds(actions: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The median of each action over the rounds after the first two; one that returns a float has timed itself."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds + WARM_UP_ROUNDS):
        for action, seconds in zip(actions, times, strict=True):
            start = time.monotonic()
            result = action()
            took = time.monotonic() - start
            seconds.append(result if isinstance(result, float) else took)
            del result
    return [statistics.median(seconds[WARM_UP_ROUNDS:]) for seconds in times]


def bandwidth() -> float:
    """Bytes a second that a copy into fresh memory reads and writes."""
    maps = torch.randn(64 * 2**20)
    (copy_s,) = median_seconds([lambda: torch.empty_like(maps).copy_(maps)], 5)
    return 2 * maps.nbytes / copy_s


def print_machine() -> None:
    """The date, and what the figures below were measured with."""
    now = datetime.now(timezone.utc).date()
    facts = native_facts()
    passes = facts.get("instruction_set") or f"none ({facts.get('reason')})"
    print(
        f"{now}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"native passes: {passes}"
    )
