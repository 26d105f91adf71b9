"""What one run yields: its raw record reduced to one number per metric, or the reason why there is none."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import mean, median

from controller.analysis.coverage import covers_of
from controller.analysis.energy_metrics import EnergyValue, energy_values
from controller.analysis.metrics import METRICS, Kind, Metric, expected_metrics
from controller.analysis.uncertainty import Uncertainty
from gradfilter.bench.schema import RunRecord, SimulatedLayer, Step, SystolicWorkload


@dataclass(frozen=True)
class Measurement:
    """One metric of one part of one run. value None: reason says why. source: the channel, for energy.

    uncertainty: the meter's, in the unit. method: how a modelled value was made.
    """

    metric: str
    part: str
    value: float | None
    unit: str
    kind: Kind = "measured"
    reason: str = ""
    source: str = ""
    uncertainty: Uncertainty | None = None
    method: str = ""

    @property
    def covers(self) -> str:
        """What the source includes; '' of what was not metered."""
        return covers_of(self.source)


def measure(record: RunRecord) -> list[Measurement]:
    """Every metric that the record's workload should yield, in the order of the report.

    An optional metric that the record does not have is left out: it does not apply; so is one that needs another
    which has no value. Times are medians over the
    measured steps; energy is that of the measured phases divided by their steps. A failed or lost run is measured
    as far as its record reaches; comparisons use finished runs only.
    """
    metered: dict[str, EnergyValue] | None = None
    measured = []
    for part, metrics in expected_metrics(record.spec.workload).items():
        for metric in metrics:
            if metric.name in _MEASURES:
                measured.append((metric, _MEASURES[metric.name](record, part, metric)))
            else:
                metered = energy_values(record, len(measured_steps(record, part))) if metered is None else metered
                measured.append((metric, _metered(metered, part, metric)))
    known = {found.metric for _, found in measured if found.value is not None}
    return [found for metric, found in measured if found.value is not None or _is_wanted(metric, known)]


def _is_wanted(metric: Metric, known: Collection[str]) -> bool:
    """Whether it is worth a word that there is no value."""
    return not metric.optional and (not metric.needs or metric.needs in known)


def measured_steps(record: RunRecord, part: str) -> list[Step]:
    """The measured steps of one part; warm-up steps are not among them."""
    return [step for step in record.steps if step.phase == "measured" and step.part == part]


def trained_steps(record: RunRecord, part: str) -> list[Step]:
    """The measured steps of one part whose batch was not dropped."""
    return [step for step in measured_steps(record, part) if step.forward_s > 0]


def is_plain(measurement: Measurement) -> bool:
    """Whether a value is the one that every ordinary run has, and so needs no word."""
    metric = METRICS.get(measurement.metric)
    return metric is not None and metric.plain is not None and measurement.value == metric.plain


def step_time_s(step: Step) -> float:
    """Forward, backward and optimizer of one step; loading its data is not part of it."""
    return step.forward_s + step.backward_s + step.optimizer_s


def _time(of_step: Callable[[Step], float]) -> Callable[[RunRecord, str, Metric], Measurement]:
    def measurement(record: RunRecord, part: str, metric: Metric) -> Measurement:
        times = [of_step(step) for step in trained_steps(record, part)]
        return _measurement(metric, part, median(times) if times else None, "no measured step was trained")

    return measurement


def _batch_time(record: RunRecord, part: str, metric: Metric) -> Measurement:
    times = [step_time_s(step) for step in measured_steps(record, part)]
    return _measurement(metric, part, mean(times) if times else None, "no measured step was recorded")


def _kept(record: RunRecord, part: str, metric: Metric) -> Measurement:
    steps = measured_steps(record, part)
    share = len(trained_steps(record, part)) / len(steps) if steps else None
    return _measurement(metric, part, share, "no measured step was recorded")


def _data(record: RunRecord, part: str, metric: Metric) -> Measurement:
    """Making batches ready in the phases before measured ones, and handing them over, divided by the steps."""
    ahead = [
        phase.end_s - phase.start_s
        for phase, following in pairwise(record.phases)
        if (phase.name, following.name) == ("data", "measured")
    ]
    steps = measured_steps(record, part)
    value = (sum(ahead) + sum(step.data_s for step in steps)) / len(steps) if ahead and steps else None
    return _measurement(metric, part, value, "the worker reported no phase of loading data")


def _metered(values: dict[str, EnergyValue], part: str, metric: Metric) -> Measurement:
    found = values[metric.name]
    return Measurement(
        metric.name,
        part,
        found.value,
        metric.unit,
        kind=metric.kind,
        reason=found.reason,
        source=found.source,
        uncertainty=found.uncertainty,
        method=found.method,
    )


def _saved(record: RunRecord, part: str, metric: Metric) -> Measurement:
    value = record.outcome.saved_activation_bytes.get(part)
    return _measurement(metric, part, value, "the worker reported no saved activations")


def _outcome(field: str) -> Callable[[RunRecord, str, Metric], Measurement]:
    def measurement(record: RunRecord, part: str, metric: Metric) -> Measurement:
        return _measurement(metric, part, getattr(record.outcome, field), f"the worker reported no {metric.title}")

    return measurement


def _simulated(of_layer: Callable[[SimulatedLayer], float]) -> Callable[[RunRecord, str, Metric], Measurement]:
    """The sum over the layers of a part."""

    def measurement(record: RunRecord, part: str, metric: Metric) -> Measurement:
        layers = [of_layer(layer) for layer in record.outcome.simulated if layer.part == part]
        return _measurement(metric, part, sum(layers) if layers else None, "the worker simulated no layer")

    return measurement


def _simulated_time(record: RunRecord, part: str, metric: Metric) -> Measurement:
    """The cycles at the clock that the workload gives its array."""
    cycles, workload = _MEASURES["simulated_cycles"](record, part, metric), record.spec.workload
    if cycles.value is None or not isinstance(workload, SystolicWorkload):
        return cycles
    return replace(cycles, value=cycles.value / (workload.clock_mhz * 1e6))


def _measurement(metric: Metric, part: str, value: float | None, otherwise: str) -> Measurement:
    if value is None:
        return Measurement(metric.name, part, None, metric.unit, kind=metric.kind, reason=otherwise)
    return Measurement(metric.name, part, float(value), metric.unit, kind=metric.kind)


_MEASURES: dict[str, Callable[[RunRecord, str, Metric], Measurement]] = {
    "step_time": _time(step_time_s),
    "forward": _time(lambda step: step.forward_s),
    "backward": _time(lambda step: step.backward_s),
    "optimizer": _time(lambda step: step.optimizer_s),
    "kept_batches": _kept,
    "batch_time": _batch_time,
    "data_time": _data,
    "saved_activation_bytes": _saved,
    "peak_rss_bytes": _outcome("peak_rss_bytes"),
    "test_accuracy": _outcome("test_accuracy"),
    "test_miou": _outcome("test_miou"),
    "test_mean_accuracy": _outcome("test_mean_accuracy"),
    "test_loss": _outcome("test_loss"),
    "simulated_cycles": _simulated(lambda layer: layer.cycles),
    "simulated_time": _simulated_time,
    "simulated_accesses": _simulated(lambda layer: layer.reads + layer.writes),
    "simulated_energy": _simulated(lambda layer: layer.energy_j),
}
