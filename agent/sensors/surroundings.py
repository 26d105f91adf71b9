"""Where sensors look: the board's root, and what only its owner can tell them.

Plain dataclasses, since the sampler, which imports no pydantic, gets them as one line of JSON.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal


@dataclass(frozen=True)
class MeterSettings:
    """An external meter on the network, as the board's owner describes it.

    kind: the protocol. url: where it answers (for mqtt the broker's), name: what records call it. covers: what it
    meters, wall, or board_input for a meter in the board's own lead. power_path, energy_path: where in the answer
    the number stands (http, mqtt). topic: mqtt's. update_s: how often the meter has a new value. latency_s: how
    old a value is when it is read. resolution_w: one step of its reading, None where its datasheet does not say.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    kind: Literal["shelly", "tasmota", "http", "mqtt"]
    url: str
    name: str
    covers: str = "wall"
    power_path: str = ""
    energy_path: str = ""
    topic: str = ""
    update_s: float = 1.0
    latency_s: float | None = None
    resolution_w: float | None = None


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
