"""The interface of a sensor: something on a board that gives readings of one or more channels."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel


@dataclass(frozen=True)
class Absent:
    """Why a sensor is not on this board, in a sentence that says what to do where something can be done."""

    reason: str


@dataclass(frozen=True)
class Reading:
    """One value a channel, None where there is none, at an instant of time.monotonic()."""

    at_s: float
    values: list[float | None]


class Sensor(ABC):
    """A source of readings. `channels` is what read() returns, in order.

    name: the sensor's name in records. quantities: what it measures wherever it is present. slowest_s: it is
    never read more often than that, whatever the sampling period, since a reading is dear or the value changes slowly.
    advice: what its user should do, a reason to doubt its readings. note: what its user should know. remarks: what
    happened to it while it was read that is a reason to doubt its readings. All in sentences, which go into the record.
    """

    name: str
    quantities: ClassVar[tuple[str, ...]]
    slowest_s: float = 0.0

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = list(channels)
        self.advice = ""
        self.note = ""
        self.remarks: list[str] = []

    @classmethod
    @abstractmethod
    def detect(cls, surroundings: Surroundings) -> "Sensor | Absent":
        """The sensor as found there, or why there is none."""

    @abstractmethod
    def read(self) -> list[float | None]:
        """One reading of every channel, in the channel's unit; None where there is none or it makes no sense.

        Raises:
            OSError: the whole sensor gave nothing this time.
            SensorFailed: and it never will again in this run.
        """

    def readings(self) -> list[Reading]:
        """Every reading since the last call. A sensor that is asked has one, at the middle of the asking.

        A sensor that is sent its readings overrides this and gives each its own instant; it never waits for one.

        Raises:
            OSError, SensorFailed: as read() does.
        """
        before = time.monotonic()
        values = self.read()
        return [Reading((before + time.monotonic()) / 2, values)]

    def follow(self, pid: int) -> None:  # noqa: B027 - doing nothing is what most sensors want
        """Take note of the worker's process id. Most sensors look at the board and ignore it."""

    def close(self) -> None:  # noqa: B027 - most sensors hold nothing
        """Give back what it holds: a process, a connection. It is not read again."""


def distinct(names: Iterable[str]) -> list[str]:
    """The names, in order, with ':2', ':3' … added to those that came before."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}:{seen[name]}")
    return result
