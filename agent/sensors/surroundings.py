"""Where sensors look: the board's root, and what only its owner can tell them.

Plain dataclasses, since the sampler, which imports no pydantic, gets them as one line of JSON.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

_SCHEMES = {
    "shelly": ("http",),
    "tasmota": ("http",),
    "http": ("http", "https"),
    "mqtt": ("mqtt", "mqtts"),
}
_FREE = ("http", "mqtt")  # kinds whose answers only the owner knows
_LONGEST_UPDATE_S = 600.0
_NOT_NEGATIVE = ("latency_s", "averaging_s", "resolution_w", "resolution_j", "gain_tolerance", "offset_tolerance_w")


@dataclass(frozen=True)
class MeterSettings:
    """An external meter on the network, as the board's owner describes it.

    kind: the protocol. url: where it answers (for mqtt the broker), with user:password@ where it asks for them.
    name: what records call it. covers: what it meters, wall, or board_input for a meter in the board's own lead.
    channel: which of its outputs (shelly). power_path, energy_path: where in the answer the number stands, as in
    meters[0].power (http, mqtt); without both, the answer is a plain number of watts. energy_unit: the unit of the
    energy there. topic: mqtt's.

    update_s: how often it has a new value; a second is assumed, since no maker documents it. What its datasheet or its
    owner says of it, None where neither does: latency_s: how old a value is when it is read; a reading's instant is
    set back by so much. averaging_s: the time a value is the mean over. resolution_w, resolution_j: one step of its
    readings. gain_tolerance: relative error, offset_tolerance_w: absolute error.

    Raises:
        ValueError: what is wrong with the description; never with the url, which may hold a password.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    kind: Literal["shelly", "tasmota", "http", "mqtt"]
    url: str = field(repr=False)
    name: str
    covers: Literal["wall", "board_input", "module", "system"] = "wall"
    channel: int = 0
    power_path: str = ""
    energy_path: str = ""
    energy_unit: Literal["J", "Wh", "kWh"] = "Wh"
    topic: str = ""
    update_s: float = 1.0
    latency_s: float | None = None
    averaging_s: float | None = None
    resolution_w: float | None = None
    resolution_j: float | None = None
    gain_tolerance: float | None = None
    offset_tolerance_w: float | None = None

    def __post_init__(self) -> None:
        for holds, sentence in self._conditions():
            if not holds:
                raise ValueError(sentence)

    def _conditions(self) -> Iterator[tuple[bool, str]]:
        schemes = " or ".join(f"{scheme}://" for scheme in _SCHEMES[self.kind])
        yield bool(self.name.strip()) and self.name.isprintable(), "a meter's name must be one line, such as plug"
        yield (
            _is_url(self.url, _SCHEMES[self.kind]),
            f"the url of a meter of kind {self.kind} must be {schemes}[user:password@]host[:port]",
        )
        paths = bool(self.power_path or self.energy_path)
        yield self.kind in _FREE or not paths, f"power_path and energy_path are for {' and '.join(_FREE)} alone"
        yield self.channel == 0 or (self.kind == "shelly" and self.channel > 0), "channel, from 0, is for shelly alone"
        one_topic = bool(self.topic) and not set(self.topic) & set("+#")
        yield one_topic if self.kind == "mqtt" else not self.topic, "mqtt, and no other, has one topic, without + and #"
        yield 0 < self.update_s <= _LONGEST_UPDATE_S, f"update_s must be above 0 and at most {_LONGEST_UPDATE_S:g} s"
        for name in _NOT_NEGATIVE:
            value = getattr(self, name)
            yield value is None or (value >= 0 and math.isfinite(value)), f"{name} must be 0 or more"


def _is_url(url: str, schemes: tuple[str, ...]) -> bool:
    if not (url.isascii() and url.isprintable() and " " not in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


@dataclass(frozen=True)
class Surroundings:
    """What every sensor's detect() is given.

    root: the board's /, or a copy of its tree. jtop_python: a Python that has jetson-stats, '' to look for one.
    vcgencmd: Raspberry Pi's firmware command. meters: external ones. calibration_file: what `gradfilter-agent
    calibrate` has found, None where there is none. rails: what a power monitor's rail covers, by its name, where
    only the owner knows: a breakout in the board's lead meters board_input.
    """

    root: Path = Path("/")
    jtop_python: str = ""
    vcgencmd: str = "vcgencmd"
    meters: tuple[MeterSettings, ...] = ()
    calibration_file: Path | None = None
    rails: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, line: str) -> "Surroundings":
        """What to_json() wrote."""
        fields: dict[str, Any] = json.loads(line)
        fields["root"] = Path(fields["root"])
        fields["meters"] = tuple(MeterSettings(**meter) for meter in fields["meters"])
        if fields["calibration_file"] is not None:
            fields["calibration_file"] = Path(fields["calibration_file"])
        return cls(**fields)
