"""Adding blocks until an interval is narrow: which looks there are, at which level, and what is said at each."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.analysis.comparison import compare
from controller.analysis.estimate import Estimate, ratio_estimate
from controller.analysis.judging import plan_judgement
from controller.analysis.looks import blocks_wanted, confidence_of, looks, planned_blocks
from controller.analysis.stopping import half_width
from gradfilter.bench.schema import LOOKS
from tests.controller.records import failed, finished, training_job

BLOCKS = st.sets(st.integers(1, 26), max_size=6)


def job_of(repetitions=8, primary=("step_time",)):
    return training_job(until=0.02, repetitions=repetitions, primary=list(primary))


def stopped_after(blocks, spread, primary=("step_time",), **changes):
    """What is said of a job of so many blocks whose ratio goes up and down by this share."""
    job = job_of(primary=primary)
    records = []
    for block in range(1, blocks + 1):
        slower = 0.06 * (1 + spread * (-1) ** block)
        records += [finished(job, "baseline", block), finished(job, "filtered", block, backward_s=slower)]
    return compare(job, records, **changes).stopping


class TestLooks:
    def test_a_job_without_until_has_one_number_of_blocks(self):
        """What it asks for is all that it measures."""
        assert (5,) == looks(training_job(repetitions=5))

    def test_a_later_first_look_leaves_out_those_before(self):
        """repetitions says where to look first."""
        assert (8, 12, 16, 24) == looks(job_of())
        assert (16, 24) == looks(job_of(repetitions=16))

    def test_a_look_that_allows_no_verdict_is_left_out(self):
        """Three tests need nine blocks where there are four looks, so the job ends at twelve or later."""
        assert (12, 16, 24) == looks(training_job(until=0.02, repetitions=8))

    @pytest.mark.parametrize(("repetitions", "level"), [(8, 0.9875), (12, 0.98333), (16, 0.975), (24, 0.95)])
    def test_the_level_is_shared_among_the_looks(self, repetitions, level):
        """Four looks may err in 1.25 % each; a fixed number of blocks in 5 %."""
        assert level == pytest.approx(confidence_of(job_of(repetitions=repetitions)), abs=1e-5)
        assert 0.95 == confidence_of(training_job(repetitions=repetitions))

    @given(begun=BLOCKS, broken=BLOCKS)
    def test_the_look_holds_every_block_that_was_begun(self, begun, broken):
        """Whatever was lost, the number wanted is a look, and the first whose blocks hold all that were begun."""
        wanted = blocks_wanted(job_of(), begun, broken)
        assert wanted in LOOKS
        assert wanted == LOOKS[-1] or max(begun, default=1) in planned_blocks(wanted, broken)
        assert all(max(begun) not in planned_blocks(look, broken) for look in LOOKS if look < wanted)

    @given(blocks=st.integers(1, 24), broken=BLOCKS)
    def test_at_most_two_blocks_are_replaced(self, blocks, broken):
        """Every broken block gets one more at the end, as far as two go."""
        planned = planned_blocks(blocks, broken)
        assert min(2, sum(block in planned for block in broken)) == len(planned) - blocks


class TestWidth:
    @given(value=st.floats(0.1, 10), share=st.floats(0.001, 0.9))
    def test_it_is_the_same_seen_from_either_side(self, value, share):
        """A speed-up of 2 known to ± 2 % and a ratio of 1/2 known to ± 2 % are equally well known."""
        ratio = Estimate(value, value / (1 + share), value * (1 + share), 0.95, 8)
        upside_down = Estimate(1 / value, 1 / (value * (1 + share)), (1 + share) / value, 0.95, 8)
        assert share == pytest.approx(half_width(ratio)) == pytest.approx(half_width(upside_down))

    def test_ratios_without_any_spread_are_as_narrow_as_can_be(self):
        """An interval that cannot be stated for want of spread does not ask for more blocks."""
        assert 0.0 == half_width(ratio_estimate([2.0] * 8, [1.0] * 8))


class TestStopping:
    def test_narrow_enough_ends_at_the_first_look(self):
        """The report says after how many blocks and how narrow."""
        found = stopped_after(8, 0.002)
        assert (8, True) == (found.blocks, found.enough)
        narrow = "the widest 98.75% interval of step time is ±0.15 %, within the ±2 % asked for"
        assert f"ended after 8 complete blocks: {narrow}" == found.sentence

    @pytest.mark.parametrize(("blocks", "primary"), [(9, ["step_time"]), (8, ["step_time", "backward", "forward"])])
    def test_an_end_at_no_look_holds_no_promise(self, blocks, primary):
        """Cancelled at 9, or ended at 8 where three tests begin to look at 12: neither met what it asked for."""
        found = stopped_after(blocks, 0.002, primary=primary, state="cancelled").sentence
        assert f"ended after {blocks} complete blocks, not at one of its looks: the widest" in found
        assert "within" not in found
        assert "that at most 5% of jobs err does not hold" in found

    def test_a_run_that_failed_takes_no_look_away(self):
        """Its block makes no pair, but the job ended where it was to look."""
        job = job_of()
        records = [finished(job, "baseline", block) for block in range(1, 9)]
        records += [finished(job, "filtered", block, backward_s=0.06) for block in range(1, 8)]
        found = compare(job, [*records, failed(job, "filtered", 8)]).stopping.sentence
        assert found.startswith("ended after 7 complete blocks: ")
        assert "does not hold" not in found

    @pytest.mark.parametrize(("blocks", "enough"), [(8, False), (12, False), (16, False), (24, True)])
    def test_a_wide_interval_asks_for_more_up_to_the_last_look(self, blocks, enough):
        """At 24 blocks it ends, however wide."""
        found = stopped_after(blocks, 0.3)
        assert (blocks, enough) == (found.blocks, found.enough)
        assert ("there is no later look" in found.sentence) == enough

    def test_every_interval_and_p_is_of_the_looks_level(self):
        """With four looks a p counts four times, and what is not tested has the wider interval too."""
        job = job_of()
        records = [finished(job, "baseline", block) for block in range(1, 9)]
        records += [finished(job, "filtered", block, backward_s=0.03 + 0.001 * block) for block in range(1, 9)]
        found = compare(job, records)
        metrics = found.variants[1].parts[0].metrics
        assert (0.9875, (8, 12, 16, 24)) == (found.confidence, found.stopping.looks)
        assert {0.9875} == {value.estimate.confidence for value in metrics.values() if value.estimate is not None}
        assert 4 * 2 / 256 == 4 * metrics["step_time"].verdict.p == metrics["step_time"].verdict.p_holm

    def test_a_larger_effect_changes_nothing(self):
        """The width alone decides: a hundredfold speed-up that is known badly is looked at again."""
        job = job_of()
        records = [finished(job, "baseline", block, backward_s=6.0 + block) for block in range(1, 9)]
        records += [finished(job, "filtered", block) for block in range(1, 9)]
        assert not compare(job, records).stopping.enough

    def test_without_a_ratio_more_blocks_are_of_no_use(self):
        """A variant that never finished has no interval to narrow."""
        job = job_of()
        found = compare(job, [finished(job, "baseline", block) for block in range(1, 9)]).stopping
        assert (None, True) == (found.half_width, found.enough)
        assert "there is no ratio of step time" in found.sentence

    def test_a_running_job_says_when_it_will_look(self):
        """Beforehand nothing is known but the rule."""
        expected = (
            "ends after 8, 12, 16 or 24 blocks, at the first of them where the 98.75% interval of step time is within "
            "±2 %"
        )
        assert f"the job {expected}" == stopped_after(3, 0.01, state="running").sentence
        assert expected in plan_judgement(job_of()).sentence

    def test_the_blocks_wanted_are_those_of_the_look(self):
        """Twelve blocks of a job that looked at eight are complete."""
        job = job_of()
        records = [finished(job, name, block) for block in range(1, 13) for name in ("baseline", "filtered")]
        assert (12, "") == (compare(job, records).blocks_wanted, compare(job, records).missing)

    def test_a_fixed_number_of_blocks_has_no_look(self):
        """Without until nothing is said about stopping."""
        job = replace(job_of(), until=None)
        assert compare(job, [finished(job, "baseline", 1)]).stopping is None
