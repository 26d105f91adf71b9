"""The metrics of a run: one table of what is measured, in which unit and how variants are set against the baseline."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from gradfilter.bench.schema import SYSTOLIC_PARTS, ConvLayerWorkload, SystolicWorkload, Workload

Against = Literal["speed_up", "ratio", "difference"]
Kind = Literal["measured", "modelled", "simulated", "paper-reported"]


@dataclass(frozen=True)
class Metric:
    """One quantity of a run.

    against: speed_up is baseline divided by variant (> 1 is faster), ratio is variant divided by
    baseline (< 1 is less), difference is variant minus baseline. deterministic: a count that sampling
    does not vary, so that equal values over runs are exact.
    more_is_better: of what is not a time. optional: left out where no run has it, since it does not apply.
    needs: the metric without which there is nothing to say of this one, '' for none. plain: the value of every
    ordinary run; left out where no run has another, with what needs it. kind: of the number.
    limits: the least and most that the quantity can be; what is a difference of readings can be below 0.
    """

    name: str
    title: str
    unit: str
    against: Against
    deterministic: bool = False
    more_is_better: bool = False
    optional: bool = False
    needs: str = ""
    plain: float | None = None
    kind: Kind = "measured"
    limits: tuple[float, float] = (0.0, inf)


_SHARE = (0.0, 1.0)
_ANY = (-inf, inf)

STEP_TIME = Metric("step_time", "step time", "s", "speed_up")
FORWARD = Metric("forward", "forward", "s", "speed_up")
BACKWARD = Metric("backward", "backward", "s", "speed_up")
OPTIMIZER = Metric("optimizer", "optimizer", "s", "speed_up")
KEPT_BATCHES = Metric(
    "kept_batches", "batches trained on", "ratio", "difference", optional=True, plain=1.0, limits=_SHARE
)
BATCH_TIME = Metric("batch_time", "time per batch, dropped ones included", "s", "speed_up", needs="kept_batches")
DATA_TIME = Metric("data_time", "data loading per step", "s", "speed_up", optional=True)
ENERGY_PER_STEP = Metric("energy_per_step", "energy per step", "J", "ratio")
NET_ENERGY_PER_STEP = Metric(
    "net_energy_per_step", "energy per step above idle", "J", "ratio", needs="energy_per_step", limits=_ANY
)
MEAN_POWER = Metric("mean_power", "mean power", "W", "ratio", needs="energy_per_step")
FORWARD_ENERGY, BACKWARD_ENERGY, OPTIMIZER_ENERGY, DATA_ENERGY = (
    Metric(
        f"{part}_energy",
        f"{title} energy per step",
        "J",
        "ratio",
        needs="energy_per_step",
        kind="modelled",
        limits=_ANY,
    )
    for part, title in (
        ("forward", "forward"),
        ("backward", "backward"),
        ("optimizer", "optimizer"),
        ("data", "data loading"),
    )
)
SAVED_ACTIVATION_BYTES = Metric("saved_activation_bytes", "saved activations", "B", "ratio", deterministic=True)
PEAK_RSS_BYTES = Metric("peak_rss_bytes", "peak RSS", "B", "ratio")
TEST_ACCURACY = Metric("test_accuracy", "test accuracy", "ratio", "difference", more_is_better=True, limits=_SHARE)
TEST_MIOU = Metric("test_miou", "test mIoU", "ratio", "difference", more_is_better=True, optional=True, limits=_SHARE)
TEST_MEAN_ACCURACY = Metric(
    "test_mean_accuracy",
    "test mean accuracy",
    "ratio",
    "difference",
    more_is_better=True,
    optional=True,
    limits=_SHARE,
)
TEST_LOSS = Metric("test_loss", "test loss", "1", "difference")

TRAINING_METRICS = (
    STEP_TIME,
    FORWARD,
    BACKWARD,
    OPTIMIZER,
    KEPT_BATCHES,
    BATCH_TIME,
    DATA_TIME,
    SAVED_ACTIVATION_BYTES,
    PEAK_RSS_BYTES,
    ENERGY_PER_STEP,
    NET_ENERGY_PER_STEP,
    MEAN_POWER,
    FORWARD_ENERGY,
    BACKWARD_ENERGY,
    OPTIMIZER_ENERGY,
    DATA_ENERGY,
    TEST_ACCURACY,
    TEST_MIOU,
    TEST_MEAN_ACCURACY,
    TEST_LOSS,
)
SIMULATED_METRICS = (
    Metric("simulated_cycles", "cycles", "1", "speed_up", deterministic=True, kind="simulated"),
    Metric("simulated_time", "cycles at the clock", "s", "speed_up", deterministic=True, kind="simulated"),
    Metric("simulated_accesses", "words read and written", "1", "ratio", deterministic=True, kind="simulated"),
    Metric("simulated_energy", "energy, by the workload's model", "J", "ratio", deterministic=True, kind="simulated"),
)
LAYER_METRICS = (FORWARD, BACKWARD, replace(STEP_TIME, title="forward and backward"), SAVED_ACTIVATION_BYTES)
METRICS = {metric.name: metric for metric in (*TRAINING_METRICS, *SIMULATED_METRICS)}
_PIXEL_ACCURACY = replace(TEST_ACCURACY, title="test pixel accuracy")


def expected_metrics(workload: Workload) -> dict[str, tuple[Metric, ...]]:
    """What a finished run of the workload should yield: part → metrics; optional ones where they apply.

    A layer's step time is forward plus backward; peak RSS belongs to the whole process, part ''.
    """
    if isinstance(workload, ConvLayerWorkload):
        return {shape.label: LAYER_METRICS for shape in workload.shapes} | {"": (PEAK_RSS_BYTES,)}
    if isinstance(workload, SystolicWorkload):
        return dict.fromkeys(SYSTOLIC_PARTS, SIMULATED_METRICS)
    return {"": TRAINING_METRICS}


def is_testable(metric: Metric) -> bool:
    """Whether a job may declare it primary: measured, varying from run to run, and compared by a ratio."""
    return metric.kind == "measured" and not metric.deterministic and metric.against != "difference"


def applicable(metrics: Collection[Metric], found: Collection[str]) -> list[Metric]:
    """The metrics of a part without those that no run had or missed; beside a mIoU, accuracy is that of pixels.

    found: those that some run has, with another value than the plain one.
    """
    kept = [m for m in metrics if not (m.optional or m.needs) or {m.name, m.needs or m.name} <= set(found)]
    return [_PIXEL_ACCURACY if m is TEST_ACCURACY and TEST_MIOU.name in found else m for m in kept]
