"""Timing things that take turns, so that ratios come from one run of the same machine."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

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


class Rates(NamedTuple):
    """Operations a second of a large matrix product, and bytes a second of a copy into fresh memory."""

    operations_per_s: float
    bytes_per_s: float

    def __str__(self) -> str:
        product, copy = self.operations_per_s / 1e9, self.bytes_per_s / 1e9
        return f"a matrix product reaches {product:.0f} GFLOP/s, a copy {copy:.1f} GB/s"


def machine_rates() -> Rates:
    """This machine's, measured now."""
    square = torch.randn(2048, 2048)
    maps = torch.randn(64 * 2**20)
    (product_s,) = median_seconds([lambda: square @ square], 5)
    (copy_s,) = median_seconds([lambda: torch.empty_like(maps).copy_(maps)], 5)
    return Rates(2 * 2048**3 / product_s, 2 * maps.nbytes / copy_s)


def print_machine() -> None:
    """The date, and what the figures below were measured with."""
    now = datetime.now(timezone.utc).date()
    facts = native_facts()
    passes = facts.get("instruction_set") or f"none ({facts.get('reason')})"
    print(
        f"{now}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"native passes: {passes}"
    )
