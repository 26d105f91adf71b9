"""NVIDIA Jetsons through jtop.service of jetson-stats, 4.2 to 7.2, about twice a second.

jtop gives the power of every rail, cut to whole mW, and a total: one rail that it knows by name, or else the sum of
all others. So a rail that cannot be read for a while turns the total into something else without a word; here the
total is a named channel, and a tick in which jtop's total is another one has no reading of it. Boards without such a
rail get a sum only where it is known what it sums. USB-C supplies, which jtop lists among the rails, are left out.

What is not known is not declared: over how long the INA3221 behind a rail averages, and the chip's own step and
error, which depend on its shunt (8 mA would be 40 mW at 5 V). The resolutions are those of jtop's numbers.
Source: jetson-stats 7.2, core/power.py; NVIDIA's Jetson Linux guide, power monitoring. Tested with the real service
on made-up boards; untested on hardware.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import SensorFailed
from agent.jtop_process import JtopProcess, Message, find_python
from agent.sensors.files import read_label
from agent.sensors.nvidia_rails import COVERS, sum_of
from agent.sensors.sensor import Absent, Reading, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

# jtop's decoding takes long on a small board; its makers advise against less than half a second (jetson_stats#414).
INTERVAL_S = 0.5
_SILENCE_S, _SILENT_INTERVALS = 6.0, 6  # one more than the reader itself waits for a tick
_ANSWER_S = 8.0  # from a reader's start to its first tick; looking for a sensor may take 10 s
_ANSWER_UNDER_LOAD_S = 15.0  # the same during a run, when the board is busy
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0  # between two readers, twice as long each time
GIVE_UP_S = 30.0  # without a reading
_MOST_REMARKS = 10

_SUPPLY = re.compile("usb|ucsi", re.IGNORECASE)
_DEVICE_TREE = "sys/firmware/devicetree/base/compatible"
_SOCKET = "run/jtop.sock"

_ADVICE = {
    "no_module": "{message}. Install jetson-stats there, or name another Python in GRADFILTER_AGENT_JTOP_PYTHON.",
    "not_active": "jtop.service is not running; start it (sudo systemctl restart jtop.service).",
    "no_permission": "jtop.service lets in only its group; add the agent's user to it (sudo usermod -aG jtop USER) "
    "and start the agent anew.",
    "version_mismatch": "{python} has another jetson-stats than the service: {message}. Install the same for both, or "
    "name another Python in GRADFILTER_AGENT_JTOP_PYTHON.",
    "lost": "jtop.service ended while it was read; journalctl -u jtop.service says why.",
    "frozen": "jtop.service hangs: it sends nothing. Restart it (sudo systemctl restart jtop.service).",
    "other": "jtop failed: {message}. journalctl -u jtop.service may say why.",
}


@dataclass(frozen=True)
class Quantity:
    """Where a channel's value stands in a tick: the sum over paths, times scale; outside [low, high] it is none."""

    channel: Channel
    paths: tuple[tuple[str, ...], ...]
    scale: float
    low: float
    high: float

    def of(self, tick: Message) -> float | None:
        """The value in the channel's unit, None where a part of it is missing or makes no sense."""
        parts = [_number(tick, path) for path in self.paths]
        known = [part for part in parts if part is not None]
        value = sum(known) * self.scale
        return value if len(known) == len(parts) and self.low <= value <= self.high else None


class Jtop(Sensor):
    """Rails, temperatures, GPU, memory and fans, as jtop.service sends them.

    A reader that says nothing, or says that it cannot go on, is killed and another one started, after pauses that
    grow; what was missed is a hole in the series and a remark. remarks: what happened to the service, and changes
    of the power mode, in sentences.
    """

    name = "jtop"
    quantities = ("power", "temperature", "load", "frequency", "memory", "fan")

    def __init__(self, python: str, process: JtopProcess, said: list[Message]) -> None:
        interval_s, tick = _interval(said), _ticks(said)[0]
        self._quantities = quantities(tick, interval_s)
        super().__init__([quantity.channel for quantity in self._quantities])
        self.remarks = _lacks(self.channels)
        found = sum_of([channel.name for channel in self.channels])
        self.advice = found.advice if found else ""
        self._python = python
        self._process: JtopProcess | None = process
        self._longest_silence_s = max(_SILENCE_S, _SILENT_INTERVALS * interval_s)
        self._said = said
        self._mode = _mode(tick)
        self._ticked_s = time.monotonic()
        self._deadline_s = self._ticked_s + self._longest_silence_s
        self._pause_s = _FIRST_PAUSE_S
        self._next_start_s = 0.0
        self._trouble = ""
        self._newest: list[float | None] = [quantity.of(tick) for quantity in self._quantities]

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where the running system is a Jetson, and its jtop.service sends a tick within seconds."""
        if not _is_jetson(surroundings.root):
            return Absent("this is no Jetson, so there is no jtop.")
        if surroundings.root.resolve() != Path("/"):
            return Absent("jtop speaks of the running system, and the agent was told to look elsewhere (root).")
        python, tried = find_python(surroundings.jtop_python)
        if not python:
            return Absent(
                f"none of {', '.join(tried) or 'the Pythons on the path'} has jtop. Install jetson-stats, or name a "
                "Python that has it in GRADFILTER_AGENT_JTOP_PYTHON."
            )
        return cls.connect(python)

    @classmethod
    def connect(cls, python: str) -> "Jtop | Absent":
        """The sensor once a reader in that Python has had its first tick, or why it has none."""
        try:
            process = JtopProcess(python, INTERVAL_S)
        except OSError as error:
            return Absent(f"{python} cannot be started: {error.strerror}. Name one in GRADFILTER_AGENT_JTOP_PYTHON.")
        until_s = time.monotonic() + _ANSWER_S
        messages: list[Message] = []
        while not (_ticks(messages) or _errors(messages) or process.ended or time.monotonic() > until_s):
            process.wait(until_s - time.monotonic())
            messages += process.drain()
        if _ticks(messages):
            return cls(python, process, messages)
        reason = _reason(_errors(messages), process, python)
        process.kill()
        return Absent(reason)

    def read(self) -> list[float | None]:
        """The newest values.

        Raises:
            SensorFailed: there was none for too long.
        """
        for reading in self.readings():
            self._newest = reading.values
        return self._newest

    def readings(self) -> list[Reading]:
        """One a tick since the last call, and one without values where the reader had to be started anew.

        Raises:
            SensorFailed: there was none for too long.
        """
        now = time.monotonic()
        if self._process is None:
            return self._start_again(now)
        messages, self._said = self._said + self._process.drain(), []
        readings = [self._take(tick, now) for tick in _ticks(messages)]
        errors = _errors(messages)
        if errors or self._process.ended or now > self._deadline_s:
            readings.append(self._stop(_reason(errors, self._process, self._python), now))
        return readings

    def close(self) -> None:
        """End the reader."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _take(self, tick: Message, now: float) -> Reading:
        if self._trouble:
            self._remark(f"no reading for {now - self._ticked_s:.1f} s, then read on: {self._trouble}")
            self._trouble, self._pause_s = "", _FIRST_PAUSE_S
        mode = _mode(tick)
        if mode != self._mode:
            self._remark(f"the power mode changed from {self._mode} to {mode}.")
            self._mode = mode
        self._ticked_s = now
        self._deadline_s = now + self._longest_silence_s
        return Reading(tick["at_s"], [quantity.of(tick) for quantity in self._quantities])

    def _remark(self, sentence: str) -> None:
        """The first ones are kept, and the last."""
        self.remarks = [*self.remarks[: _MOST_REMARKS - 1], sentence]

    def _stop(self, trouble: str, now: float) -> Reading:
        """Kill the reader; the one without values marks the hole from here."""
        self.close()
        self._trouble = self._trouble or trouble
        self._next_start_s = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        return Reading(now, [None] * len(self.channels))

    def _start_again(self, now: float) -> list[Reading]:
        if now - self._ticked_s > GIVE_UP_S:
            raise SensorFailed(f"no reading for {GIVE_UP_S:g} s: {self._trouble}")
        if now >= self._next_start_s:
            self._process = JtopProcess(self._python, INTERVAL_S)
            self._deadline_s = now + _ANSWER_UNDER_LOAD_S
        return []


_NO_POWER = (
    "jtop.service finds no power monitor, so it meters no energy; if the board has one, the service may have been "
    "started before its driver was (sudo systemctl restart jtop.service)."
)
_NO_TOTAL = "none of the rails that jtop.service reads is known to be the whole board's, so they are no energy."


def _lacks(channels: list[Channel]) -> list[str]:
    """What is missing for an energy."""
    if not any(channel.quantity == "power" for channel in channels):
        return [_NO_POWER]
    return [] if any(channel.role == "total" for channel in channels) else [_NO_TOTAL]


def quantities(tick: Message, update_s: float) -> list[Quantity]:
    """What a board offers, judged by one of its ticks."""
    return [*_powers(tick, update_s), *_rest(tick, update_s)]


def _powers(tick: Message, update_s: float) -> Iterable[Quantity]:
    for name in _part(tick, "total"):
        yield _power(name, [("total", name)], update_s, COVERS.get(name, "rail"), "total")
    rails = [name for name in _part(tick, "rails") if not _SUPPLY.search(name)]
    if found := sum_of(rails):
        yield _power(found.name, [("rails", name) for name in found.rails], update_s, found.covers, "total")
    for name in rails:
        yield _power(name, [("rails", name)], update_s, COVERS.get(name, "rail"), "rail")


def _power(name: str, paths: list[tuple[str, ...]], update_s: float, covers: str, role: str) -> Quantity:
    channel = Channel(name, "jtop", "power", "W", covers=covers, role=role, resolution=1e-3, update_s=update_s)
    return Quantity(channel, tuple(paths), 1e-3, 0, 5000)


def _rest(tick: Message, update_s: float) -> Iterable[Quantity]:
    for zone in _part(tick, "temperatures"):
        channel = _channel(f"{zone} temperature", "temperature", "degC", 1e-3, update_s)
        yield Quantity(channel, (("temperatures", zone),), 1, -55, 150)
    for gpu in _part(tick, "gpus"):
        channel = _channel(f"{gpu} load", "load", "ratio", 1e-3, update_s)
        yield Quantity(channel, (("gpus", gpu, "load"),), 1e-2, 0, 1)
        channel = _channel(f"{gpu} clock", "frequency", "Hz", 1e3, update_s)
        yield Quantity(channel, (("gpus", gpu, "clock"),), 1e3, 0, 2e10)
    for part, words in (("used", "ram used"), ("shared", "ram used by the gpu"), ("swap", "swap used")):
        yield Quantity(_channel(words, "memory", "B", 1024, update_s), (("memory", part),), 1024, 0, 1e15)
    for fan in _part(tick, "fans"):
        yield Quantity(_channel(fan, "fan", "ratio", 1e-2, update_s), (("fans", fan),), 1e-2, 0, 1)


def _channel(name: str, quantity: str, unit: str, resolution: float, update_s: float) -> Channel:
    return Channel(name, "jtop", quantity, unit, resolution=resolution, update_s=update_s)


def _is_jetson(root: Path) -> bool:
    return "nvidia,tegra" in read_label(root / _DEVICE_TREE) or (root / _SOCKET).exists()


def _ticks(messages: list[Message]) -> list[Message]:
    return [one for one in messages if one.get("kind") == "tick" and _number(one, ("at_s",)) is not None]


def _errors(messages: list[Message]) -> list[Message]:
    return [one for one in messages if one.get("kind") == "error"]


def _interval(messages: list[Message]) -> float:
    told = (_number(one, ("interval_s",)) for one in messages if one.get("kind") == "hello")
    return next(filter(None, told), INTERVAL_S)


def _mode(tick: Message) -> str:
    clocks = " with jetson_clocks" if tick.get("jetson_clocks") else ""
    return f"{tick.get('nvpmodel')}{clocks}"


def _reason(errors: list[Message], process: JtopProcess, python: str) -> str:
    """Why there is no tick, in a sentence that says what to do."""
    if not errors and process.ended:
        return f"the reader ({python}) ended: {process.last_words()}."
    kind, message = (str(errors[0].get("error")), str(errors[0].get("message"))) if errors else ("frozen", "")
    first_line = message.strip().partition("\n")[0].rstrip(".")
    return _ADVICE.get(kind, _ADVICE["other"]).format(message=first_line, python=python)


def _part(tick: Message, name: str) -> dict[str, Any]:
    part = tick.get(name)
    return part if isinstance(part, dict) else {}


def _number(message: Any, path: tuple[str, ...]) -> float | None:
    """The number at the end of a path of keys, None where there is anything else; JSON's NaN is no number here."""
    for key in path:
        message = message.get(key) if isinstance(message, dict) else None
    is_number = isinstance(message, int | float) and not isinstance(message, bool) and abs(message) < 1e18  # noqa: PLR2004
    return float(message) if is_number else None
