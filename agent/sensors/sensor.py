"""The interface of a sensor: something on a board that gives readings of one or more channels."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gradfilter.bench.schema import Channel


@dataclass(frozen=True)
class Absent:
    """Why a sensor is not on this board, in a sentence that says what to do where something can be done."""

    reason: str


class Sensor(ABC):
    """A source of readings. `channels` is what read() returns, in order.

    name: the sensor's name in records. quantities: what it measures wherever it is present.
    """

    name: ClassVar[str]
    quantities: ClassVar[tuple[str, ...]]

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = list(channels)

    @classmethod
    @abstractmethod
    def detect(cls, root: Path) -> "Sensor | Absent":
        """The sensor as found under root (a board's /, or a copy of its tree), or why there is none."""

    @abstractmethod
    def read(self) -> list[float | None]:
        """One reading of every channel, in the channel's unit; None where there is none or it makes no sense.

        Raises:
            OSError: the whole sensor gave nothing this time.
            SensorFailed: and it never will again in this run.
        """

    def follow(self, pid: int) -> None:  # noqa: B027 - doing nothing is what most sensors want
        """Take note of the worker's process id. Most sensors look at the board and ignore it."""


def distinct(names: Iterable[str]) -> list[str]:
    """The names, in order, with ':2', ':3' … added to those that came before."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}:{seen[name]}")
    return result
