"""What the makers of the INA power monitors promise, and what that means for a reading in watts.

From TI's datasheets, tables "Electrical characteristics", maxima at 25 °C: INA3221 (SBOS576), INA226 (SBOS547),
INA228-Q1 and INA238-Q1. The INA230, 231 and 237 are declared by the numbers of the INA226 and 238, of which they
are variants, as is the INA228's bus offset. The steps of the INA219, 220 and 260 are from memory, to be confirmed,
and their errors are left open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

# No node tells how good the shunt is. 1 % is what NVIDIA's design guide names for the AGX Xavier's (DG-09840-001) and
# the usual class of such resistors; it is assumed for all.
_SHUNT_TOLERANCE = 0.01


@dataclass(frozen=True)
class Chip:
    """shunt_step_v, shunt_offset_v: one step and the offset of the shunt's voltage. gain: errors of both gains, added.

    bus_offset_v: offset of the supply's voltage. power_steps: the power register's step over the current's, in V;
    0 where the driver multiplies. None: not known.
    """

    shunt_step_v: float
    power_steps: float
    gain: float | None = None
    shunt_offset_v: float | None = None
    bus_offset_v: float = 0.0


CHIPS = {
    "ina3221": Chip(40e-6, 0, gain=0.005, shunt_offset_v=80e-6, bus_offset_v=16e-3),
    "ina219": Chip(10e-6, 20),
    "ina220": Chip(10e-6, 20),
    "ina226": Chip(2.5e-6, 25, gain=0.002, shunt_offset_v=10e-6, bus_offset_v=7.5e-3),
    "ina228": Chip(312.5e-9, 3.2, gain=0.001, shunt_offset_v=1e-6, bus_offset_v=5e-3),
    "ina230": Chip(2.5e-6, 25, gain=0.002, shunt_offset_v=10e-6, bus_offset_v=7.5e-3),
    "ina231": Chip(2.5e-6, 25, gain=0.002, shunt_offset_v=10e-6, bus_offset_v=7.5e-3),
    "ina237": Chip(5e-6, 0.2, gain=0.002, shunt_offset_v=5e-6, bus_offset_v=5e-3),
    "ina238": Chip(5e-6, 0.2, gain=0.002, shunt_offset_v=5e-6, bus_offset_v=5e-3),
    "ina260": Chip(2.5e-6, 8),
}


@dataclass(frozen=True)
class Declared:
    """A channel's own word on its error and pace, named and meant as in the schema's Channel."""

    resolution: float | None = None
    gain_tolerance: float | None = None
    offset_tolerance: float | None = None
    averaging_s: float | None = None
    update_s: float | None = None


def together(parts: Sequence[Declared]) -> Declared:
    """What a sum of readings declares: steps add as independent errors, offsets as limits, the slowest sets the pace.

    What one part does not declare, the sum does not.
    """
    steps, offsets = ([getattr(part, name) for part in parts] for name in ("resolution", "offset_tolerance"))
    gains, averaging = ([getattr(part, name) for part in parts] for name in ("gain_tolerance", "averaging_s"))
    return Declared(
        resolution=None if None in steps else sqrt(sum(step**2 for step in steps)),
        gain_tolerance=None if None in gains else max(gains),
        offset_tolerance=None if None in offsets else sum(offsets),
        averaging_s=None if None in averaging else max(averaging),
        update_s=max((part.update_s for part in parts if part.update_s is not None), default=None),
    )


def declare(
    chip: Chip,
    volts: float | None,
    shunt_ohms: float | None,
    node_step_w: float | None,
    pace: tuple[float | None, float | None],
) -> Declared:
    """What a rail at so many volts, measured over that shunt, declares of its watts.

    node_step_w: the step of the numbers that the driver hands out. pace: averaging_s and update_s.
    """
    averaging_s, update_s = pace
    if not volts:
        return Declared(node_step_w, averaging_s=averaging_s, update_s=update_s)
    gain = None if chip.gain is None else chip.gain + chip.bus_offset_v / volts + _SHUNT_TOLERANCE
    if not shunt_ohms:
        return Declared(node_step_w, gain, averaging_s=averaging_s, update_s=update_s)
    step_w = chip.shunt_step_v / shunt_ohms * max(volts, chip.power_steps)
    offset_w = None if chip.shunt_offset_v is None else chip.shunt_offset_v / shunt_ohms * volts
    return Declared(max(step_w, node_step_w or 0.0), gain, offset_w, averaging_s, update_s)
