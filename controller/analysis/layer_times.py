"""What each layer took in the profiling run of a variant: measured, but in no run that is compared."""

from collections.abc import Sequence
from statistics import median

from controller.analysis.estimate import CONFIDENCE, Estimate
from controller.analysis.verdicts import MetricValue
from gradfilter.bench.schema import RunRecord

DIRECTIONS = ("forward", "backward")
_ENDS = {"failed": "failed", "cancelled": "was cancelled", "lost": "was lost"}
_UNPROFILED = (
    "this job was not profiled: submit the job with --profile, and each variant runs once more under torch.profiler, "
    "after the measured runs"
)


def last_profiles(records: Sequence[RunRecord]) -> dict[str, RunRecord]:
    """The newest profiling run of each variant, one that finished if there is one; records in any order."""
    profiles = [record for record in records if record.spec.purpose == "profile"]
    in_order = sorted(profiles, key=lambda record: (record.state == "finished", record.spec.attempt))
    return {record.spec.variant.name: record for record in in_order}


def why_untimed(profile: RunRecord | None, *, asked: bool) -> str:
    """Why a variant has no layer times, where it has none; asked: whether the job is to be profiled."""
    if not asked:
        return _UNPROFILED
    if profile is None:
        return "its profiling run has not ended, or never began"
    if profile.state != "finished":
        why = f": {profile.failure.message.rstrip('.')}" if profile.failure is not None else ""
        return f"its profiling run {_ENDS[profile.state]}{why}"
    if any(one.forward_s for one in profile.outcome.layer_times):
        return "its profiler saw no layer take any time"
    return "its profiling run told no layer's time: the board's worker is of an older release"


def time_by_layer(profile: RunRecord | None) -> dict[str, dict[str, MetricValue]]:
    """Layer → 'forward' and 'backward' → the median over the profiled steps; empty where there was no profile.

    One run has no interval, and steps are no sample. A layer that took no time either way did not run.
    One without the times of its steps was not timed.
    """
    times = profile.outcome.layer_times if profile is not None and profile.state == "finished" else []
    return {
        one.name: {way: _value(way, getattr(one, f"{way}_s")) for way in DIRECTIONS}
        for one in times
        if one.forward_s and one.backward_s and any(one.forward_s + one.backward_s)
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
