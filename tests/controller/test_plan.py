"""The plan of a job: blocks, replacement blocks, and how a job ends."""

import pytest

from controller import plan
from controller.documents import JOB_SPEC
from controller.jobs import RunSummary
from tests.controller.samples import job_document


def job(repetitions=2, seed=0):
    return JOB_SPEC.validate_python(job_document(repetitions=repetitions, seed=seed))


def attempt(block, variant, state="finished", failure=""):
    return RunSummary(
        id=f"{block}-{variant}-{state}",
        job_id="1",
        device="d",
        purpose="measure",
        variant=variant,
        block=block,
        attempt=1,
        state=state,
        started_at="",
        finished_at=None,
        failure=failure,
    )


def block(number, baseline="finished", filtered="finished"):
    return [attempt(number, "baseline", baseline), attempt(number, "filtered", filtered, "it broke")]


def names(slots):
    return {(slot.block, slot.variant.name) for slot in slots}


def test_every_slot_is_planned_once():
    """A fresh job runs each variant once in every block, block by block."""
    slots = plan.remaining_slots(job(repetitions=3), [])
    assert [1, 1, 2, 2, 3, 3] == [slot.block for slot in slots]
    assert {(b, v) for b in (1, 2, 3) for v in ("baseline", "filtered")} == names(slots)


def test_order_is_shuffled_within_blocks_and_repeatable():
    """The seed alone decides the order, and different blocks have different orders."""
    orders = [[s.variant.name for s in plan.block_slots(job(), number)] for number in range(1, 20)]
    assert orders == [[s.variant.name for s in plan.block_slots(job(), number)] for number in range(1, 20)]
    assert {("baseline", "filtered"), ("filtered", "baseline")} == {tuple(order) for order in orders}
    assert orders != [[s.variant.name for s in plan.block_slots(job(seed=1), number)] for number in range(1, 20)]


def test_runs_of_a_block_share_their_seed():
    """A pair sees the same data: one seed a block, another one in the next."""
    first, second = plan.block_slots(job(), 1)
    assert first.seed == second.seed != plan.block_slots(job(), 2)[0].seed


def test_a_running_attempt_is_not_planned_again():
    """A slot with an attempt under way is left alone."""
    assert {(1, "filtered"), (2, "baseline"), (2, "filtered")} == names(
        plan.remaining_slots(job(), [attempt(1, "baseline", "running")])
    )


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_a_valid_record_is_never_measured_again(state):
    """Finished and failed runs both are results."""
    assert [] == plan.remaining_slots(job(repetitions=1), block(1, filtered=state))


@pytest.mark.parametrize("state", ["lost", "cancelled"])
def test_a_broken_block_is_left_and_replaced(state):
    """After a loss the rest of the block is not run, and a block of every variant is added at the end."""
    slots = plan.remaining_slots(job(), [attempt(1, "filtered", state)])
    assert {(2, "baseline"), (2, "filtered"), (3, "baseline"), (3, "filtered")} == names(slots)


def test_at_most_two_blocks_are_replaced():
    """The third broken block has no replacement; a broken replacement counts as one of the two."""
    lost = [attempt(number, "baseline", "lost") for number in (1, 2, 3)]
    assert {4} == {slot.block for slot in plan.remaining_slots(job(), lost)}
    assert [] == plan.remaining_slots(job(), [*lost, attempt(4, "baseline", "lost")])


def test_a_broken_block_after_its_valid_record_is_replaced_whole():
    """The valid record of a broken block stays, and the replacement runs both variants."""
    slots = plan.remaining_slots(job(repetitions=1), block(1, filtered="lost"))
    assert {(2, "baseline"), (2, "filtered")} == names(slots)


def test_a_good_end_needs_no_reason():
    """With every block ended nothing is missing, lost attempts or not."""
    runs = [*block(1), attempt(2, "baseline", "lost"), *block(3)]
    assert ("finished", "") == plan.verdict(job(), runs)
    assert 2 == plan.ended_blocks(job(), runs)


def test_failed_runs_are_named_in_the_end():
    """A variant that failed is named with how often and why; the others make the job finished."""
    state, reason = plan.verdict(job(), [*block(1, filtered="failed"), *block(2)])
    assert "finished" == state
    assert "variant 'filtered' failed in 1 of 2 runs: it broke" == reason


def test_a_job_without_any_finished_run_has_failed():
    """Failed runs alone make a failed job."""
    assert "failed" == plan.verdict(job(repetitions=1), block(1, "failed", "failed"))[0]


def test_missing_blocks_are_named_in_the_end():
    """When the replacements are used up, the reason counts ended blocks and lost attempts."""
    runs = [*block(1), *(attempt(number, "baseline", "lost", "board gone") for number in (2, 3, 4))]
    state, reason = plan.verdict(job(), runs)
    assert "finished" == state
    assert "1 of 2 blocks have ended: 3 attempts were lost" in reason
    assert "board gone" in reason


def test_a_preparation_carries_all_variants_and_a_run_its_own():
    """What the board is told follows from the attempt alone."""
    run = attempt(1, "filtered")
    assert ["filtered"] == [variant.name for variant in plan.run_spec(job(), run).variants]
    run.purpose, run.variant = "prepare", ""
    assert ["baseline", "filtered"] == [variant.name for variant in plan.run_spec(job(), run).variants]
