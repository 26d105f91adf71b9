"""How long a run is to be measured, in seconds: what its window asks for in readings, by the pace of the meter."""

from collections.abc import Sequence
from dataclasses import replace

from gradfilter.bench.schema import RunSpec, SensorReport, Window, energy_channels


def in_seconds(window: Window, spec: RunSpec, sensors: Sequence[SensorReport]) -> Window:
    """The window with seconds for its readings too, of the slowest channel that a step's energy would come from."""
    channels = [channel for sensor in sensors if sensor.present for channel in sensor.channels]
    meter = energy_channels(channels, spec.workload.compute)
    pace_s = max((max(channel.update_s or 0.0, spec.sampling.period_s) for channel in meter), default=0.0)
    return replace(window, seconds=min(window.most_s, max(window.seconds, window.readings * pace_s)))
