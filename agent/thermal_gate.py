"""The wait before a run until the board is as warm as it was before the first one: rest if too hot, work if too cold.

A run that starts on a hotter chip takes more power and may be throttled sooner; one on a colder chip is flattered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from gradfilter.bench.schema import Gate

_LOOK_S = 1.0


class Load(Protocol):
    """What warms a board while it is on."""

    def warm(self) -> None:
        """Turn it on, or leave it on."""

    def close(self) -> None:
        """Turn it off."""


@dataclass(frozen=True)
class Passage:
    """How a run came through its gate.

    start_c: the hottest zone (°C) when it was let through, None without a thermometer. around_c: the middle of the
    band, None for the first run, which sets it. waited_s, of that warmed_s with a load. passed: it was in the band, or
    there was none to be in; False: the time was over.
    """

    start_c: float | None
    around_c: float | None
    waited_s: float
    warmed_s: float
    passed: bool


def pass_gate(
    gate: Gate,
    temperature: Callable[[], float | None],
    load: Load,
    rest: Callable[[float], None],
    clock: Callable[[], float],
) -> Passage:
    """Wait until the temperature lies within the gate's band, or its time is over.

    A board that is too cold is warmed up to the middle of the band, since it cools as soon as the load stops.
    """
    began_s, warmed_s, is_warming = clock(), 0.0, False
    try:
        while True:
            now_c, waited_s = temperature(), clock() - began_s
            place = _place(gate, now_c, is_warming=is_warming)
            if place == "inside" or waited_s >= gate.most_s:
                return Passage(now_c, gate.around_c, waited_s, warmed_s, passed=place == "inside")
            is_warming = place == "cold"
            load.warm() if is_warming else load.close()
            before_s = clock()
            rest(min(_LOOK_S, gate.most_s - waited_s))
            warmed_s += clock() - before_s if is_warming else 0.0
    finally:
        load.close()


def _place(gate: Gate, now_c: float | None, *, is_warming: bool) -> Literal["cold", "inside", "hot"]:
    """Where a temperature lies beside the band; inside where there is none to be in, or no thermometer."""
    if now_c is None or gate.around_c is None:
        return "inside"
    coldest_c = gate.around_c if is_warming else gate.around_c - gate.below_c
    if now_c < coldest_c:
        return "cold"
    return "inside" if now_c <= gate.around_c + gate.above_c else "hot"
