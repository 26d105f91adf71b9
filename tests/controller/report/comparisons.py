"""Comparisons of every kind that a report must be able to show, the empty ones included."""

import math
from dataclasses import replace
from functools import cache

from controller.analysis.across_devices import across_devices
from controller.analysis.comparison import compare
from controller.report import FORMATS
from gradfilter.bench.schema import PublishedFigure, SensorReport, Step, Variant
from tests.controller.records import (
    BASELINE,
    COARSE,
    FILTERED,
    failed,
    layer_job,
    lost,
    power,
    segmentation,
    training_job,
    whole_job,
    whole_layer_job,
)

TIMES = {"baseline": 0.06, "filtered": 0.03, "coarse": 0.02}
HOSTILE = "<script>alert('x')</script> & | `_*"
NAMES = {"job_id": "7", "device": "nano-1"}


def whole():
    """Two variants, three blocks, metered."""
    job = training_job()
    records = whole_job(job, TIMES)
    for record in records:
        record.series = [power(lambda t: 5 + math.sin(t))]
    return compare(job, records, **NAMES)


def modelled():
    """An instantaneous meter, and steps of 0.41 s that take 6 W forward and 8 W backward."""
    job = training_job()
    records = whole_job(job, TIMES)
    for record in records:
        record.steps = [Step(i, "measured", 105.0 + 0.41 * i, 0.15, 0.2, 0.06, loss=1.0) for i in range(97)]
        record.series = [power(lambda t: (6 if (t - 105) % 0.41 < 0.15 else 8) + 0.1 * math.sin(9 * t))]
        record.series[0].channel.averaging_s = 0.0
    return compare(job, records, **NAMES)


def quick_with_losses():
    """A quick job of three variants in which one run failed and one was lost."""
    job = training_job([BASELINE, FILTERED, COARSE], quick=True)
    records = whole_job(job, TIMES)
    return compare(job, [*records[:-2], failed(job, "filtered", 3), lost(job, "coarse", 3)], **NAMES)


def layers():
    """Two single convolutions."""
    job = layer_job()
    return compare(job, whole_layer_job(job, {"baseline": (0.2, 0.05), "filtered": (0.02, 0.025)}), **NAMES)


def layers_not_started():
    """The same job before its first run."""
    return compare(layer_job(), [], state="queued", **NAMES)


def not_started():
    """A running job whose first run has not ended."""
    return compare(training_job(), [], state="running", **NAMES)


def baseline_failed():
    """A job whose baseline failed in every block."""
    job = training_job()
    records = [record for record in whole_job(job, TIMES) if record.spec.variant.name == "filtered"]
    return compare(job, [*records, *(failed(job, "baseline", block) for block in (1, 2, 3))], **NAMES)


def one_repetition():
    """One run of each variant."""
    job = training_job(repetitions=1)
    return compare(job, whole_job(job, TIMES), **NAMES)


def single_variant():
    """A job that only measures."""
    job = training_job([BASELINE])
    return compare(job, whole_job(job, TIMES), **NAMES)


def hostile():
    """Markup wherever a person or a board may write text, and the longest names that are allowed."""
    long_name = "v" * 100
    figure = PublishedFigure("c", HOSTILE, 1.0, HOSTILE, HOSTILE, HOSTILE)
    job = training_job([BASELINE, replace(FILTERED, name=long_name), Variant("c")], note=HOSTILE, published=[figure])
    records = whole_job(job, {"baseline": 0.06, long_name: 0.03, "c": 0.05})
    for record in records:
        record.environment["board"] = HOSTILE
        record.sensors = [SensorReport("rapl", present=False, reason=HOSTILE)]
        for layer in record.outcome.layers:
            layer.change = HOSTILE
    return compare(job, [*records[:-1], failed(job, "c", 3, "exception", HOSTILE)], job_id="8", device=HOSTILE)


def segmentation_over_epochs():
    """A segmentation that counts epochs, with published scores."""
    job, records = segmentation()
    job.suite = "a-suite"
    job.published = [
        PublishedFigure("baseline", "test_miou", 0.3954, "hardware not stated", "a paper, table 3"),
        PublishedFigure("filtered", "test_miou", 0.3934, "hardware not stated", "a paper, table 3"),
        PublishedFigure("filtered", "test_miou", -0.002, "a board", "a talk", against="baseline"),
    ]
    return compare(job, records, **NAMES)


def published_layers():
    """Single convolutions beside published speed-ups; the second shape was not published."""
    job = layer_job()
    label = job.workload.shapes[0].label
    job.published = [
        PublishedFigure("filtered", "backward", value, board, "a paper", label, "baseline", approximate=about)
        for value, board, about in ((57.3, "Jetson Nano CPU", False), (23.0, "Raspberry Pi 3B CPU", True))
    ]
    job.published.append(PublishedFigure("filtered", "backward", 7.0, "a desk", "a paper", "1→1", "baseline"))
    return compare(job, whole_layer_job(job, {"baseline": (0.2, 0.05), "filtered": (0.02, 0.025)}), **NAMES)


def on_three_boards():
    """The same job on three boards, one of which meters its package, and one whose job has not begun."""
    job = training_job()
    found = [compare(job, [], state="queued", job_id="9", device="nano-2")]
    for number, covers in ((8, "package"), (7, "board_input")):
        records = whole_job(job, {"baseline": 0.06, "filtered": 0.06 / number})
        for record in records:
            record.series = [power(lambda t: 5 + math.sin(t), covers=covers)]
        found.insert(0, compare(job, records, job_id=str(number), device=f"nano-{number}"))
    return replace(found[0], across=across_devices(found))


CASES = {
    case.__name__: case
    for case in (
        whole,
        modelled,
        quick_with_losses,
        layers,
        layers_not_started,
        not_started,
        baseline_failed,
        one_repetition,
        single_variant,
        hostile,
        segmentation_over_epochs,
        published_layers,
        on_three_boards,
    )
}


@cache
def comparison(case):
    """The comparison of a case, judged once for all tests: nothing changes it."""
    return CASES[case]()


@cache
def rendered(case, name):
    """Its report in one format."""
    return FORMATS[name].render(comparison(case))
