"""What each layer took in the profiling run of a variant: measured, but in no run that is compared."""

from collections.abc import Sequence
from statistics import median

from controller.analysis.estimate import CONFIDENCE, Estimate
from controller.analysis.verdicts import MetricValue
from gradfilter.bench.schema import RunRecord

DIRECTIONS = ("forward", "backward")


def last_profiles(records: Sequence[RunRecord]) -> dict[str, RunRecord]:
    """The newest profiling run of each variant that finished."""
    return {r.spec.variant.name: r for r in records if r.spec.purpose == "profile" and r.state == "finished"}


def time_by_layer(profile: RunRecord | None) -> dict[str, dict[str, MetricValue]]:
    """Layer → 'forward' and 'backward' → the median over the profiled steps; empty where there was no profile.

    One run has no interval, and steps are no sample. A layer that took no time either way did not run.
    """
    times = profile.outcome.layer_times if profile is not None else []
    return {
        one.name: {way: _value(way, getattr(one, f"{way}_s")) for way in DIRECTIONS}
        for one in times
        if any(one.forward_s) or any(one.backward_s)
    }


def _value(way: str, steps: Sequence[float]) -> MetricValue:
    return MetricValue(
        metric=f"profiled_layer_{way}",
        title=f"{way} of a layer, in the profiling run",
        unit="s",
        kind="measured",
        estimate=Estimate(median(steps), None, None, CONFIDENCE, 1),
        method=f"measured in the profiling run, not in measured runs: median of its {len(steps)} steps",
    )
