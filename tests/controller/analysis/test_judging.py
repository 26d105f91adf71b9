"""Verdicts: who gets one, what it must exceed, and how often it is false."""

import numpy as np
import pytest

from controller.analysis.comparison import compare
from controller.analysis.declared import declared_tests
from controller.analysis.judging import plan_judgement, with_verdicts
from controller.analysis.metrics import METRICS
from controller.analysis.noise_floor import DeviceNoise, NoiseFloor, noise_floor
from controller.analysis.verdicts import DIFFERENT, MetricValue, PartResult, VariantResult
from tests.controller.analysis.judged import results
from tests.controller.records import BASELINE, COARSE, FILTERED, layer_job, training_job, whole_job

QUIET = DeviceNoise("training on cpu", dict.fromkeys(METRICS, NoiseFloor(0.02, 24)))
NAMES = ("filtered", "coarse")


def job_of(blocks, **changes):
    return training_job([BASELINE, FILTERED, COARSE], repetitions=blocks, **changes)


def verdict(logs, noise=QUIET, metric="step_time", primary=("step_time",)):
    """The verdict on one variant's metric with these log-ratios."""
    job = training_job(repetitions=len(logs), primary=list(primary))
    judged = with_verdicts(results({"filtered": {metric: logs}}), job, noise)
    return judged[1].parts[0].metrics[metric].verdict


class TestDeclared:
    def test_time_energy_and_memory_of_every_variant(self):
        """Two variants and three primary metrics are six tests, whether or not there is a meter."""
        assert 6 == len(declared_tests(job_of(8)))

    def test_fewer_where_the_job_names_fewer(self):
        """A job may stake everything on one metric."""
        expected = [("filtered", "", "backward"), ("coarse", "", "backward")]
        assert expected == declared_tests(job_of(8, primary=["backward"]))

    def test_each_shape_of_a_layer_job_counts(self):
        """Two shapes' times and the process's memory are three tests."""
        assert 3 == len(declared_tests(layer_job()))

    def test_a_quick_job_declares_none(self):
        """It cannot judge, and says so before it starts."""
        plan = plan_judgement(job_of(8, quick=True))
        assert (0, False, "a quick job gives intervals and cannot judge.") == (plan.tests, plan.able, plan.sentence)

    def test_the_blocks_needed_are_known_beforehand(self):
        """Six tests need eight blocks: enough with eight, and said with seven."""
        able, unable = plan_judgement(job_of(8)), plan_judgement(job_of(7))
        assert ((6, 8, True), (6, 8, False)) == tuple((p.tests, p.blocks_needed, p.able) for p in (able, unable))
        assert "asks for 7, so it gives intervals only: repeat it with 8" in unable.sentence


class TestWords:
    @pytest.mark.parametrize(
        ("metric", "effect", "word"),
        [
            ("step_time", -0.1, "faster"),
            ("step_time", 0.1, "slower"),
            ("peak_rss_bytes", -0.1, "lower"),
            ("energy_per_step", 0.1, "higher"),
        ],
    )
    def test_a_difference_beyond_the_floor(self, metric, effect, word):
        """Ten per cent in each of eight blocks, on a device with a floor of two."""
        logs = effect + np.linspace(-0.01, 0.01, 8)
        found = verdict(logs, metric=metric, primary=[metric])
        assert (word, False, 2 / 256) == (found.word, found.provisional, found.p_holm)

    def test_a_difference_within_the_floor_is_none(self):
        """1.5 % in every block is beyond chance, and still nothing that this device can vouch for."""
        found = verdict(0.015 + np.linspace(-0.001, 0.001, 8))
        assert ("no detectable difference", True) == (found.word, found.p < 0.01)

    def test_an_interval_within_the_floor_is_no_difference(self):
        """Pairs that scatter by half a per cent around nothing exclude a difference of two."""
        assert "no detectable difference" == verdict(np.linspace(-0.005, 0.005, 8)).word

    def test_a_wide_interval_is_inconclusive(self):
        """Pairs that scatter by ten per cent neither show nor exclude a difference of two, and more blocks may."""
        found = verdict(np.linspace(-0.1, 0.1, 8))
        assert ("inconclusive", True) == (found.word, "add blocks" in found.reason)

    def test_too_few_blocks_are_inconclusive(self):
        """Five pairs cannot reach 5 % however large the difference."""
        found = verdict([-0.5] * 4 + [-0.6])
        assert ("inconclusive", "5 pairs of runs, where a verdict needs 6") == (found.word, found.reason)

    def test_nothing_measured_is_inconclusive(self):
        """A primary metric without a meter says why there is nothing to judge."""
        unmetered = MetricValue("energy_per_step", "", "J", "measured", None, unmeasured="no meter")
        filtered = VariantResult("filtered", "", [PartResult("", {"energy_per_step": unmetered})], 0, 0, 0)
        judged = with_verdicts([results({})[0], filtered], training_job(), QUIET)
        found = judged[1].parts[0].metrics["energy_per_step"].verdict
        assert ("inconclusive", "no meter", None) == (found.word, found.reason, found.p)

    def test_equal_pairs_are_no_difference(self):
        """Eight pairs of the very same memory have no interval and need none."""
        assert (
            "no detectable difference" == verdict([0.0] * 8, metric="peak_rss_bytes", primary=["peak_rss_bytes"]).word
        )

    def test_other_metrics_get_none(self):
        """What was not declared is explored, not tested."""
        assert verdict([-0.5] * 8, metric="backward") is None


class TestFloor:
    def test_it_is_the_95th_percentile_of_the_sizes(self):
        """Of 1 to 20 %, either way, 95 % are at most 19.05 %."""
        logs = [sign * size / 100 for size, sign in zip(range(1, 21), [1, -1] * 10, strict=True)]
        assert NoiseFloor(pytest.approx(0.1905), 20) == noise_floor(logs)

    def test_fewer_than_twenty_pairs_leave_it_unknown(self):
        """With 19 pairs a verdict is provisional and counts from one per cent on; with 20 the floor counts."""
        logs = -0.015 + np.linspace(-0.001, 0.001, 8)
        few, enough = (DeviceNoise("", {"step_time": NoiseFloor(0.02, pairs)}) for pairs in (19, 20))
        assert ("faster", True, None, 19) == fields(verdict(logs, noise=few))
        assert ("no detectable difference", False, pytest.approx(0.0202, abs=1e-4), 20) == fields(
            verdict(logs, noise=enough)
        )

    def test_a_floor_below_one_per_cent_does_not_lower_the_bar(self):
        """What is smaller than one per cent is not worth a verdict on any device."""
        noise = DeviceNoise("", {"step_time": NoiseFloor(0.001, 24)})
        assert pytest.approx(0.01) == verdict([0.005] * 8, noise=noise).threshold

    def test_without_controls_the_headline_says_provisional(self):
        """A whole job's report says that the floor is unknown, and of a control's own floor it does not."""
        job = training_job(repetitions=8)
        records = whole_job(job, {"baseline": 0.06, "filtered": 0.03})
        assert "Provisional, floor unknown (0 of 20 A/A pairs)." in compare(job, records).headline
        assert "rovisional" not in compare(job, records, noise=QUIET).headline


def fields(found):
    return found.word, found.provisional, found.floor, found.floor_pairs


def false_verdicts(jobs, draw, blocks=8):
    """The share of simulated A/A jobs, two variants and three metrics each, in which any verdict was given."""
    random = np.random.default_rng(20261126)
    job, wrong = job_of(blocks), 0
    for _ in range(jobs):
        effects = {name: {metric: draw(random, blocks) for metric in job.primary} for name in NAMES}
        judged = with_verdicts(results(effects), job, DeviceNoise())
        verdicts = [m.verdict for variant in judged for part in variant.parts for m in part.metrics.values()]
        wrong += any(found.word in DIFFERENT for found in verdicts)
    return wrong / jobs


DRAWS = {
    "normal": lambda random, blocks: random.normal(0.0, 0.05, blocks),
    "heavy tails": lambda random, blocks: 0.05 * random.standard_t(2, blocks),
    "blocks of unequal noise": lambda random, blocks: random.normal(0.0, 1.0, blocks) * random.exponential(0.1, blocks),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_false_verdicts_are_rare(draw):
    """Of 400 simulated jobs in which nothing differs, at most 5 % and three standard errors get any verdict."""
    assert false_verdicts(400, draw) <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


@pytest.mark.long
@pytest.mark.parametrize(("blocks", "jobs"), [(8, 5000), (12, 5000), (16, 1000)])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_false_verdicts_are_as_rare_as_stated(draw, blocks, jobs):
    """The same over thousands of jobs: at most 5 %, and three standard errors for the simulation's own chance."""
    found = false_verdicts(jobs, draw, blocks)
    print(f"A/A jobs of {blocks} blocks with any verdict: {found:.2%} of {jobs}")
    assert found <= 0.05 + 3 * (0.05 * 0.95 / jobs) ** 0.5
