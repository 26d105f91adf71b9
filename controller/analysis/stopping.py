"""Whether a job with until has measured enough: by the width of an interval at a look, never by a p.

The interval is that of the first primary metric's ratio, the widest over variants and parts. Its half-width is
relative: ±2 % means that the upper end is 1.02² times the lower one, since ratios are symmetric as logarithms. The
interval is of the level that controller/analysis/looks.py gives every look.
"""

from collections.abc import Sequence
from math import sqrt

from controller.analysis.estimate import Estimate
from controller.analysis.looks import Stopping, confidence_of, looks
from controller.analysis.metrics import METRICS
from controller.analysis.significance import ALPHA
from controller.analysis.verdicts import VariantResult
from controller.analysis.wording import level
from gradfilter.bench.schema import JobSpec


def stopping(
    job: JobSpec,
    variants: Sequence[VariantResult],
    blocks: int,
    *,
    ended_after: int | None,
    is_at_a_look: bool = True,
) -> Stopping | None:
    """Look at the width after so many blocks; None of a job that asks for a fixed number of them.

    ended_after: the complete blocks of a job that has ended, fewer than the look's where runs failed; None while it
    goes on. is_at_a_look: whether all runs are there that the look asked for.
    """
    if job.until is None:
        return None
    metric, widest = job.primary[0], widest_half_width(variants, job.primary[0])
    enough = widest is None or widest <= job.until or blocks == looks(job)[-1]
    sentence = (
        _plan(job)
        if ended_after is None
        else _ended(job, widest, ended_after, enough=enough, is_at_a_look=is_at_a_look)
    )
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


def _ended(job: JobSpec, widest: float | None, blocks: int, *, enough: bool, is_at_a_look: bool) -> str:
    goal = _percent(job.until)
    none, of_level = f"there is no ratio of {_title(job)}", f"the widest {level(confidence_of(job))} interval"
    found = none if widest is None else f"{of_level} of {_title(job)} is {_percent(widest)}"
    if not is_at_a_look:
        return (
            f"ended after {blocks} complete blocks, not at one of its looks: {found}; that at most {ALPHA:.0%} of "
            "jobs err does not hold of such an end"
        )
    if widest is None:
        return f"ended after {blocks} complete blocks: {found}, which more blocks would not change"
    if widest <= (job.until or 0.0):
        return f"ended after {blocks} complete blocks: {found}, within the {goal} asked for"
    why = "and there is no later look" if enough else "but the job ended before the next look"
    return f"ended after {blocks} complete blocks: {found}, wider than the {goal} asked for, {why}"


def _title(job: JobSpec) -> str:
    return METRICS[job.primary[0]].title


def _percent(share: float | None) -> str:
    return f"±{100 * (share or 0.0):.2g} %"
