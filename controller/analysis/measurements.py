"""What one run yields: its raw record reduced to one number per metric, or the reason why there is none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from controller.analysis.energy import measured_energy
from controller.analysis.metrics import Metric, expected_metrics
from controller.analysis.verdicts import Kind
from gradfilter.bench.schema import RunRecord, Step


@dataclass(frozen=True)
class Measurement:
    """One metric of one part of one run. value None: reason says why. source: the channel, for energy."""

    metric: str
    part: str
    value: float | None
    unit: str
    kind: Kind = "measured"
    reason: str = ""
    source: str = ""


def measure(record: RunRecord) -> list[Measurement]:
    """Every metric that the record's workload should yield, in the order of the report.

    An optional metric that the record does not have is left out: it does not apply. Times are medians over the
    measured steps; energy is that of the measured phases divided by their steps. A failed or lost run is measured
    as far as its record reaches; comparisons use finished runs only.
    """
    measured = [
        (metric, _MEASURES[metric.name](record, part, metric))
        for part, metrics in expected_metrics(record.spec.workload).items()
        for metric in metrics
    ]
    return [found for metric, found in measured if found.value is not None or not metric.optional]


def measured_steps(record: RunRecord, part: str) -> list[Step]:
    """The measured steps of one part; warm-up steps are not among them."""
    return [step for step in record.steps if step.phase == "measured" and step.part == part]


def step_time_s(step: Step) -> float:
    """Forward, backward and optimizer of one step; loading its data is not part of it."""
    return step.forward_s + step.backward_s + step.optimizer_s


def _time(of_step: Callable[[Step], float]) -> Callable[[RunRecord, str, Metric], Measurement]:
    def measurement(record: RunRecord, part: str, metric: Metric) -> Measurement:
        times = [of_step(step) for step in measured_steps(record, part)]
        return _measurement(metric, part, median(times) if times else None, "no measured step was recorded")

    return measurement


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


def _energy(record: RunRecord, part: str, metric: Metric) -> Measurement:
    energy = measured_energy(record)
    steps: Sequence[Step] = measured_steps(record, part)
    if energy.joules is None or not steps:
        reason = energy.reason or "no measured step was recorded"
        return Measurement(metric.name, part, None, metric.unit, reason=reason, source=energy.source)
    return Measurement(metric.name, part, energy.joules / len(steps), metric.unit, source=energy.source)


def _saved(record: RunRecord, part: str, metric: Metric) -> Measurement:
    value = record.outcome.saved_activation_bytes.get(part)
    return _measurement(metric, part, value, "the worker reported no saved activations")


def _outcome(field: str) -> Callable[[RunRecord, str, Metric], Measurement]:
    def measurement(record: RunRecord, part: str, metric: Metric) -> Measurement:
        return _measurement(metric, part, getattr(record.outcome, field), f"the worker reported no {metric.title}")

    return measurement


def _measurement(metric: Metric, part: str, value: float | None, otherwise: str) -> Measurement:
    if value is None:
        return Measurement(metric.name, part, None, metric.unit, reason=otherwise)
    return Measurement(metric.name, part, float(value), metric.unit)


_MEASURES: dict[str, Callable[[RunRecord, str, Metric], Measurement]] = {
    "step_time": _time(step_time_s),
    "forward": _time(lambda step: step.forward_s),
    "backward": _time(lambda step: step.backward_s),
    "optimizer": _time(lambda step: step.optimizer_s),
    "data_time": _data,
    "energy_per_step": _energy,
    "saved_activation_bytes": _saved,
    "peak_rss_bytes": _outcome("peak_rss_bytes"),
    "test_accuracy": _outcome("test_accuracy"),
    "test_miou": _outcome("test_miou"),
    "test_mean_accuracy": _outcome("test_mean_accuracy"),
    "test_loss": _outcome("test_loss"),
}
