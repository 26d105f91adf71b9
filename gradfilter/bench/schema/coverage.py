"""Which of a board's channels are the energy of a training step: one rule, before a run and after it."""

from typing import List, Sequence

from gradfilter.bench.schema.record import Channel

# The first that a board has is used: what is nearest to the whole board comes first. A single rail or
# a process's share is no energy of a step, so those are not in the list. A GPU's own meter says nothing
# about training on the CPU, nor the CPU's about training on the GPU. By the workload's `compute`.
ENERGY_ORDER = {
    "cpu": ("board_input", "wall", "module", "system", "rails", "package", "cpu"),
    "cuda": ("board_input", "wall", "module", "system", "rails", "gpu"),
}


def is_meter(channel: Channel) -> bool:
    """Whether the channel's readings can be made an energy."""
    return (channel.kind, channel.unit) in {("counter", "J"), ("gauge", "W")}


def energy_channels(channels: Sequence[Channel], compute: str) -> List[Channel]:
    """The channels whose sum is the energy of a step: of the widest coverage there is, counters first.

    Several packages add up; of anything else one is taken, because two meters of the same thing would
    count it twice: the one that updates fastest (without update_s: as often as it is read), then the first
    by name. An empty list: no usable meter.
    """
    order = ENERGY_ORDER["cuda" if compute == "cuda" else "cpu"]
    usable = [channel for channel in channels if is_meter(channel) and channel.covers in order]
    if not usable:
        return []
    usable.sort(key=lambda c: (order.index(c.covers), c.kind != "counter", c.update_s or 0.0, c.name))
    best = usable[0]
    same = [c for c in usable if (c.covers, c.sensor, c.kind) == (best.covers, best.sensor, best.kind)]
    return same if best.covers == "package" else same[:1]


def cross_checks(channels: Sequence[Channel], chosen: Sequence[Channel]) -> List[Channel]:
    """The other sensors' meters of what the chosen ones cover: their energies must agree."""
    covers = {channel.covers for channel in chosen}
    sensors = {channel.sensor for channel in chosen}
    return [c for c in channels if is_meter(c) and c.covers in covers and c.sensor not in sensors]
