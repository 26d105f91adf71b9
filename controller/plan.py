"""The plan of a job: which run comes next, given the attempts so far. Pure functions.

A slot is (variant, block). Every block runs each variant once, in an order shuffled from the job's seed. A block
with a lost or void attempt is broken: it cannot be paired any more, so the rest of it is not run, and a replacement
block is added at the end of the job, at most twice. A slot with a valid record (finished or failed) never runs again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import cast

from controller.analysis import looks
from controller.analysis.looks import BROKEN, REPLACEMENT_BLOCKS
from controller.jobs import JobState, RunSummary
from gradfilter.bench.schema import Gate, JobSpec, RunSpec, Variant
from gradfilter.bench.schema.job import RunPurpose

_VALID = ("finished", "failed")
_SEEDS = 2**31


@dataclass(frozen=True)
class Slot:
    """One variant in one block; position is its place in the block, seed is shared by the block's runs.

    is_last: nothing else is planned after it.
    """

    variant: Variant
    block: int
    position: int
    seed: int
    is_last: bool = False


def block_slots(spec: JobSpec, block: int) -> list[Slot]:
    """A block's slots in the order in which they run."""
    random = Random(f"{spec.seed}:{block}")  # noqa: S311 - an order to be repeated, not a secret
    variants = random.sample(spec.variants, len(spec.variants))
    seed = random.randrange(_SEEDS)
    return [Slot(variant, block, position, seed) for position, variant in enumerate(variants)]


def blocks_wanted(spec: JobSpec, attempts: Sequence[RunSummary]) -> int:
    """How many blocks the job is working towards, as far as its attempts have come."""
    return looks.blocks_wanted(spec, {attempt.block for attempt in attempts}, broken_blocks(attempts))


def next_look(spec: JobSpec, blocks: int) -> int | None:
    """The number of blocks after this one at which the job may end; None where it ends here."""
    return next((look for look in looks.looks(spec) if look > blocks), None)


def remaining_slots(spec: JobSpec, attempts: Sequence[RunSummary], wanted: int | None = None) -> list[Slot]:
    """Slots that still have to run, in order; attempts are the measured ones, running ones included.

    wanted: so many blocks; those that the job is working towards otherwise.
    """
    tried = {(attempt.block, attempt.variant) for attempt in attempts}
    broken = broken_blocks(attempts)
    return [
        slot
        for block in looks.blocks_to_complete(wanted or blocks_wanted(spec, attempts), broken)
        for slot in block_slots(spec, block)
        if (block, slot.variant.name) not in tried
    ]


def broken_blocks(attempts: Sequence[RunSummary]) -> set[int]:
    """Blocks in which an attempt was lost or void."""
    return {attempt.block for attempt in attempts if attempt.state in BROKEN}


def ended_blocks(spec: JobSpec, attempts: Sequence[RunSummary]) -> int:
    """How many blocks have a valid record in every slot; a failed run ends its slot, though it makes no pair."""
    valid = {(attempt.block, attempt.variant) for attempt in attempts if attempt.state in _VALID}
    blocks = {block for block, _ in valid}
    return sum(all((block, variant.name) in valid for variant in spec.variants) for block in blocks)


def state_of(attempts: Sequence[RunSummary]) -> JobState:
    """How a job ends that has made these attempts: it has failed when no run finished."""
    return "finished" if any(attempt.state == "finished" for attempt in attempts) else "failed"


def verdict(spec: JobSpec, attempts: Sequence[RunSummary]) -> tuple[JobState, str]:
    """How a job ends when nothing remains to be run, and what is missing.

    The reason names every variant that failed and the blocks that could not be replaced.
    """
    reasons = [_failures(variant.name, attempts) for variant in spec.variants]
    return state_of(attempts), " ".join(filter(None, [*reasons, _missing_blocks(spec, attempts)]))


def run_spec(spec: JobSpec, run: RunSummary, first_start_c: float | None = None, *, is_last: bool = False) -> RunSpec:
    """What the board is told to do for an attempt: the same whenever first_start_c and is_last are.

    first_start_c: how warm the board was when the job's first run started; None before it. is_last: the board then
    rests after it as long as before it, for the idle power at the end.
    """
    purpose = cast("RunPurpose", run.purpose)
    return RunSpec(
        run_id=run.id,
        job_id=run.job_id,
        workload=spec.workload,
        variants=[variant for variant in spec.variants if purpose == "prepare" or variant.name == run.variant],
        purpose=purpose,
        block=run.block,
        attempt=run.attempt,
        seed=run.seed,
        limits=spec.limits,
        sampling=spec.sampling,
        steady=spec.steady,
        gate=_gate(spec, first_start_c),
        window=spec.window,
        rest_after_s=spec.limits.settle_s if is_last and not spec.quick else 0.0,
    )


def _gate(spec: JobSpec, first_start_c: float | None) -> Gate | None:
    if spec.gate is None or spec.gate.around_c is not None:
        return spec.gate
    return replace(spec.gate, around_c=first_start_c)


def _failures(variant: str, attempts: Sequence[RunSummary]) -> str:
    tried = [attempt for attempt in attempts if attempt.variant == variant and attempt.state in _VALID]
    failed = [attempt.failure for attempt in tried if attempt.state == "failed"]
    if not failed:
        return ""
    return f"variant {variant!r} failed in {len(failed)} of {len(tried)} runs: {failed[0]}"


def _missing_blocks(spec: JobSpec, attempts: Sequence[RunSummary]) -> str:
    ended = ended_blocks(spec, attempts)
    wanted = blocks_wanted(spec, attempts)
    if ended >= wanted:
        return ""
    lost = [attempt for attempt in attempts if attempt.state in BROKEN]
    return (
        f"{ended} of {wanted} blocks have ended: {len(lost)} attempts were lost or void "
        f"and all {REPLACEMENT_BLOCKS} replacement blocks are used; the last because {lost[-1].failure}"
    )
