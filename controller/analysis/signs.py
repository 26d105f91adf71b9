"""Signs that a single run was disturbed, each in words with advice: one table, looked through for every run."""

from collections.abc import Callable
from dataclasses import dataclass

from controller.analysis import symptoms
from gradfilter.bench.schema import ConvLayerWorkload, RunRecord

MOST_REMARKS = 3
LOSS_ADVICE = "lower optimizer.learning_rate or set optimizer.clip_norm"


@dataclass(frozen=True)
class Sign:
    """A sign looked for in every finished run: seen says what was found, or '' for nothing."""

    code: str
    seen: Callable[[RunRecord], str]
    advice: str


def _sampling_gap(record: RunRecord) -> str:
    sampler = record.sampler
    if sampler is None or sampler.worst_gap_s <= 3 * sampler.period_s:
        return ""
    return f"the sensors were not read for up to {sampler.worst_gap_s:.3g} s (period {sampler.period_s:.3g} s)"


def _dropped(record: RunRecord) -> str:
    return (
        f"a sensor stopped answering: {', '.join(record.sampler.dropped)}"
        if record.sampler and record.sampler.dropped
        else ""
    )


def _advised(record: RunRecord) -> str:
    found = [f"{sensor.name}: {sensor.reason}" for sensor in record.sensors if sensor.present and sensor.reason]
    return "; ".join(sentence.rstrip(".") for sentence in found)


def _remarked(record: RunRecord) -> str:
    remarks = record.sampler.remarks if record.sampler else []
    more = f" (and {len(remarks) - MOST_REMARKS} more)" if len(remarks) > MOST_REMARKS else ""
    return "; ".join(remark.rstrip(".") for remark in remarks[:MOST_REMARKS]) + more


def _sampler_busy(record: RunRecord) -> str:
    load = symptoms.sampler_load(record)
    if load is None or load <= symptoms.NOTABLE_SAMPLER_LOAD:
        return ""
    return f"reading the sensors took {load:.1%} of a core"


def _swapped(record: RunRecord) -> str:
    grown, moved = symptoms.swap_growth(record), symptoms.swap_traffic(record)
    if grown >= symptoms.NOTABLE_SWAP_BYTES:
        return f"used swap grew by {grown / 1e6:.0f} MB"
    return f"{moved / 1e6:.0f} MB went to or from swap" if moved >= symptoms.NOTABLE_SWAP_BYTES else ""


def _held_back(record: RunRecord) -> str:
    found = symptoms.held_back(record)
    return f"the board held itself back: {', '.join(found)}" if found else ""


def _throttled(record: RunRecord) -> str:
    drop, channel = symptoms.clock_drop(record)
    if drop < symptoms.NOTABLE_CLOCK_DROP:
        return ""
    heat = symptoms.hottest(record)
    return f"the clock {channel} fell by {drop:.0%} within the measured phase" + (
        f", at up to {heat:.0f} °C" if heat is not None else ""
    )


def _drifting(record: RunRecord) -> str:
    drift = symptoms.step_drift(record)
    if abs(drift) < symptoms.NOTABLE_DRIFT:
        return ""
    return f"the step time {'rose' if drift > 0 else 'fell'} by {abs(drift):.0%} from the first third to the last"


def _gate_timed_out(record: RunRecord) -> str:
    gate = record.environment.get("gate") or {}
    if gate.get("passed", True):
        return ""
    return (
        f"the board was at {gate['start_c']:.1f} °C, not near {gate['around_c']:.1f} °C, after {gate['waited_s']:.0f} s"
    )


def _never_steady(record: RunRecord) -> str:
    unsteady = [found for found in record.environment.get("rehearsals") or [] if not found["steady"]]
    if not unsteady:
        return ""
    return f"step times did not agree before the measured phase, after {unsteady[0]['steps']} steps of warm-up"


def _loaded(record: RunRecord) -> str:
    before, during = symptoms.foreign_load(record), symptoms.foreign_load_while_measured(record)
    if during is not None and during > symptoms.NOTABLE_FOREIGN_LOAD:
        return f"other programs used {during:.0%} of the processor in the measured phase"
    if before is not None and before > symptoms.NOTABLE_FOREIGN_LOAD:
        return f"other programs used {before:.0%} of the processor before the run started"
    return ""


def _non_finite(record: RunRecord) -> str:
    """A step that ran has a loss, an evaluation with an accuracy too; one that is not finite is sent as null."""
    if isinstance(record.spec.workload, ConvLayerWorkload):
        return ""
    outcome = record.outcome
    if outcome.test_loss is None and outcome.test_accuracy is not None:
        return "the test loss was not finite"
    return "the loss was not finite" if any(s.loss is None and s.forward_s > 0 for s in record.steps) else ""


SIGNS = (
    Sign("sampling_gaps", _sampling_gap, "close other programs on the board, or lengthen sampling.period_s"),
    Sign("sensor_dropped", _dropped, "check the sensor's connection and service on the board"),
    Sign("sensor_advice", _advised, "do what the sensor asks for, and repeat the job"),
    Sign(
        "sensor_remarks", _remarked, "look at the sensor's service on the board; gradfilter-agent sensors may say why"
    ),
    Sign("sampler_load", _sampler_busy, "lengthen sampling.period_s, so that metering disturbs the training less"),
    Sign(
        "swap_used",
        _swapped,
        "lower batch_size or image_size, or close other programs: swapping makes times meaningless",
    ),
    Sign("throttled", _throttled, "cool the board, or choose a lower power mode and lengthen limits.settle_s"),
    Sign(
        "held_back",
        _held_back,
        "cool the board, give it a stronger supply and a thicker lead, or choose a lower power mode",
    ),
    Sign("drifting", _drifting, "raise warm_up_steps and limits.settle_s until the first and last steps agree"),
    Sign("gate_timed_out", _gate_timed_out, "cool the board, or raise gate.most_s or the width of its band"),
    Sign("not_steady", _never_steady, "raise steady.most_s, and look at what the board's clocks and other programs do"),
    Sign("high_load", _loaded, "stop other programs on the board and repeat the job"),
    Sign("non_finite_loss", _non_finite, LOSS_ADVICE),
)
