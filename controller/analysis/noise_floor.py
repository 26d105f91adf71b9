"""How much a device's runs differ when nothing differs: its noise floor, from control jobs (A/A).

A control trains the baseline against itself. The 95th percentile of the size of its pairs' log-ratios is what the
device brings forth by itself; a smaller difference between variants is none that this device can vouch for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradfilter.bench.schema import Workload

FEWEST_PAIRS = 20
_SHARE = 0.95


@dataclass(frozen=True)
class NoiseFloor:
    """A metric's floor on one device and class of workloads, as a log-ratio; of pairs A/A pairs."""

    log_ratio: float
    pairs: int

    @property
    def known(self) -> bool:
        """Whether there are enough pairs to rely on it."""
        return self.pairs >= FEWEST_PAIRS


NO_FLOOR = NoiseFloor(0.0, 0)


@dataclass(frozen=True)
class DeviceNoise:
    """The noise floors of one device for one class of workloads: metric → floor."""

    workload_class: str = ""
    floors: Mapping[str, NoiseFloor] = field(default_factory=dict)

    def of(self, metric: str) -> NoiseFloor:
        """The metric's floor; one of no pairs where no control has told."""
        return self.floors.get(metric, NO_FLOOR)


NO_NOISE_KNOWN = DeviceNoise()


def noise_floor(log_ratios: Sequence[float]) -> NoiseFloor:
    """The floor from the log-ratios of A/A pairs, in any order."""
    if not log_ratios:
        return NO_FLOOR
    return NoiseFloor(float(np.quantile(np.abs(log_ratios), _SHARE)), len(log_ratios))


def workload_class(workload: Workload) -> str:
    """Workloads that share a floor: 'training on cpu'."""
    return f"{workload.kind} on {workload.compute}"
