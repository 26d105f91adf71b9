"""How many blocks a job measures: those it asks for, or, with until, so many more as the next look wants.

A look is a number of complete blocks after which the width of an interval decides whether blocks are added. Nothing is
kept of the looks made: which one a job is working towards follows from its attempts, so that a restart changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass

from gradfilter.bench.schema import LOOKS, JobSpec

REPLACEMENT_BLOCKS = 2
# The states of attempts that break their block. A run that was cancelled on the board although its job goes on measured
# nothing: the board's fault, like a loss.
BROKEN = ("lost", "cancelled", "void")


@dataclass(frozen=True)
class Stopping:
    """Where a job that adds blocks stands.

    metric: whose interval decides. goal: the half-width asked for; half_width: the widest now, None where there is no
    ratio. Both relative. blocks: the look that the job is at. enough: no block is to be added at this look.
    """

    metric: str
    goal: float
    half_width: float | None
    blocks: int
    enough: bool
    sentence: str


def looks(job: JobSpec) -> tuple[int, ...]:
    """The numbers of blocks at which the job may end; one without until has a single one."""
    return (job.repetitions,) if job.until is None else tuple(n for n in LOOKS if n >= job.repetitions)


def planned_blocks(wanted: int, broken: Collection[int]) -> range:
    """The blocks wanted and their replacements; a broken replacement is replaced as well, while there is one left."""
    replacements = 0
    while replacements < REPLACEMENT_BLOCKS and replacements < _broken_up_to(wanted + replacements, broken):
        replacements += 1
    return range(1, wanted + replacements + 1)


def blocks_wanted(job: JobSpec, begun: Collection[int], broken: Collection[int]) -> int:
    """The first look whose blocks hold all those that were begun."""
    newest, possible = max(begun, default=1), looks(job)
    return next((look for look in possible if newest in planned_blocks(look, broken)), possible[-1])


def _broken_up_to(last: int, broken: Collection[int]) -> int:
    return sum(block <= last for block in broken)
