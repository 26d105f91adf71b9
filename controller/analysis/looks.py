"""How many blocks a job measures: those it asks for, or, with until, so many more as the next look wants.

A look is a number of complete blocks after which the width of an interval decides whether blocks are added. Nothing is
kept of the looks made: which one a job is working towards follows from its attempts, so that a restart changes nothing.

An interval that is narrow by luck ends a job early, so that a look's intervals hold the truth less often than they
say, and its p are small too often. The level is therefore shared evenly among the looks that a job may make: of four,
every interval is a 98.75 % one and every p counts four times. The chance that any look errs is at most the sum of
theirs, 5 % (Bonferroni), so whatever decides which look is the last, the last one errs in at most 5 % of jobs. That
holds for any noise for which a fixed number of blocks would do.
"""

from collections.abc import Collection
from dataclasses import dataclass

from controller.analysis.declared import declared_tests
from controller.analysis.significance import ALPHA, fewest_blocks_for_a_verdict
from gradfilter.bench.schema import LOOKS, JobSpec

REPLACEMENT_BLOCKS = 2
# The states of attempts that break their block. A run that was cancelled on the board although its job goes on measured
# nothing: the board's fault, like a loss.
BROKEN = ("lost", "cancelled", "void")


@dataclass(frozen=True)
class Stopping:
    """Where a job that adds blocks stands.

    metric: whose interval decides. goal: the half-width asked for; half_width: the widest now, None where there is no
    ratio. Both relative. looks: where the job may end. confidence: of its intervals. blocks: the look that it is at.
    enough: no block is to be added at this look.
    """

    metric: str
    goal: float
    half_width: float | None
    looks: tuple[int, ...]
    confidence: float
    blocks: int
    enough: bool
    sentence: str


def looks(job: JobSpec) -> tuple[int, ...]:
    """The numbers of blocks at which the job may end; one without until has a single one.

    None of them is too small for a verdict on what the job tests: a job that ended there could say nothing.
    """
    if job.until is None:
        return (job.repetitions,)
    possible = tuple(n for n in LOOKS if n >= job.repetitions)
    tests = len(declared_tests(job))
    later = (possible[i:] for i in range(len(possible)))
    return next((left for left in later if left[0] >= fewest_blocks_for_a_verdict(tests, len(left))), possible[-1:])


def confidence_of(job: JobSpec) -> float:
    """The level of the job's intervals, at whichever look it ends."""
    return 1 - ALPHA / len(looks(job))


def planned_blocks(wanted: int, broken: Collection[int]) -> range:
    """The blocks wanted and their replacements; a broken replacement is replaced as well, while there is one left."""
    replacements = 0
    while replacements < REPLACEMENT_BLOCKS and replacements < _broken_up_to(wanted + replacements, broken):
        replacements += 1
    return range(1, wanted + replacements + 1)


def blocks_to_complete(wanted: int, broken: Collection[int]) -> list[int]:
    """Of the planned blocks those of which every run is wanted."""
    return [block for block in planned_blocks(wanted, broken) if block not in broken]


def blocks_wanted(job: JobSpec, begun: Collection[int], broken: Collection[int]) -> int:
    """The first look whose blocks hold all those that were begun."""
    newest, possible = max(begun, default=1), looks(job)
    return next((look for look in possible if newest in planned_blocks(look, broken)), possible[-1])


def _broken_up_to(last: int, broken: Collection[int]) -> int:
    return sum(block <= last for block in broken)
