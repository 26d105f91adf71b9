"""Whether a job with until has measured enough: by the width of an interval at a look, never by a p.

The interval is that of the first primary metric's ratio, the widest over variants and parts. Its half-width is
relative: ±2 % means that the upper end is 1.02² times the lower one, since ratios are symmetric as logarithms. The
interval is of the level that controller/analysis/looks.py gives every look.
"""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from controller.analysis.estimate import Estimate
from controller.analysis.looks import Stopping, confidence_of, looks
from controller.analysis.metrics import METRICS
from controller.analysis.significance import ALPHA
from controller.analysis.verdicts import VariantResult
from controller.analysis.wording import level
from gradfilter.bench.schema import JobSpec


class End(NamedTuple):
    """Where a job ended. blocks: the complete ones, fewer than the look's where runs failed.

    is_at_a_look: whether all runs are there that the look asked for.
    """

    blocks: int
    is_at_a_look: bool


def stopping(job: JobSpec, variants: Sequence[VariantResult], blocks: int, end: End | None) -> Stopping | None:
    """Look at the width after so many blocks; None of a job that asks for a fixed number of them.

    end: None while the job goes on.
    """
    if job.until is None:
        return None
    metric, widest = job.primary[0], widest_half_width(variants, job.primary[0])
    enough = widest is None or widest <= job.until or blocks == looks(job)[-1]
    sentence = _plan(job) if end is None else _ended(job, widest, end, enough=enough)
    return Stopping(metric, job.until, widest, looks(job), confidence_of(job), blocks, enough, sentence)


def describe_looks(job: JobSpec) -> str:
    """When the job ends, beforehand: 'ends after 12, 16 or 24 blocks, …'."""
    *first, last = map(str, looks(job))
    numbers = f"{', '.join(first)} or {last}" if first else last
    return (
        f"ends after {numbers} blocks, at the first of them where the {level(confidence_of(job))} interval of "
        f"{_title(job)} is within {_percent(job.until)}"
    )


def widest_half_width(variants: Sequence[VariantResult], metric: str) -> float | None:
    """The widest interval of the metric's ratios; None without a ratio."""
    values = [part.metrics[metric] for variant in variants[1:] for part in variant.parts if metric in part.metrics]
    return max((half_width(value.ratio) for value in values if value.ratio is not None), default=None)


def half_width(ratio: Estimate) -> float:
    """How far a ratio's interval reaches to either side, relative; 0 where no spread was seen at all."""
    if ratio.low is None or ratio.high is None:
        return 0.0
    return sqrt(ratio.high / ratio.low) - 1


def _plan(job: JobSpec) -> str:
    return f"the job {describe_looks(job)}"


def _ended(job: JobSpec, widest: float | None, end: End, *, enough: bool) -> str:
    ended, goal = f"ended after {end.blocks} complete blocks", _percent(job.until)
    none, of_level = f"there is no ratio of {_title(job)}", f"the widest {level(confidence_of(job))} interval"
    found = none if widest is None else f"{of_level} of {_title(job)} is {_percent(widest)}"
    if not end.is_at_a_look:
        doubt = f"that at most {ALPHA:.0%} of jobs err does not hold of such an end"
        return f"{ended}, not at one of its looks: {found}; {doubt}"
    if widest is None:
        return f"{ended}: {found}, which more blocks would not change"
    if widest <= (job.until or 0.0):
        return f"{ended}: {found}, within the {goal} asked for"
    why = "and there is no later look" if enough else "but the job ended before the next look"
    return f"{ended}: {found}, wider than the {goal} asked for, {why}"


def _title(job: JobSpec) -> str:
    return METRICS[job.primary[0]].title


def _percent(share: float | None) -> str:
    return f"±{100 * (share or 0.0):.2g} %"
