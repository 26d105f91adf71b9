"""Jobs that add blocks, simulated run by run and judged by the service's own code: how often do they err?"""

from dataclasses import dataclass

import numpy as np
import pytest

from controller.analysis.judging import log_pairs, with_verdicts
from controller.analysis.looks import confidence_of, looks
from controller.analysis.noise_floor import DeviceNoise
from controller.analysis.significance import ALPHA
from controller.analysis.stopping import stopping
from gradfilter.bench.schema import LOOKS
from tests.controller.analysis.judged import results
from tests.controller.records import BASELINE, COARSE, FILTERED, training_job

FAMILIES = {
    "one test": ([BASELINE, FILTERED], ["step_time"]),
    "six tests": ([BASELINE, FILTERED, COARSE], ["step_time", "energy_per_step", "peak_rss_bytes"]),
}


def normal(random, runs):
    """Runs that know nothing of each other."""
    return random.normal(0.0, 1.0, runs)


def lopsided(random, runs):
    """Now and then a run is disturbed, and takes much longer."""
    return random.lognormal(0.0, 1.0, runs) / 2.16  # of a standard deviation of one


def drifting(random, runs):
    """Each run is much like the one before."""
    noise = np.empty(runs)
    noise[0] = random.normal()
    for run in range(1, runs):
        noise[run] = 0.8 * noise[run - 1] + 0.6 * random.normal()
    return noise


NOISES = (normal, lopsided, drifting)


@dataclass
class Errors:
    """Of simulated jobs without an effect: whose intervals miss it, and in which anything was significant."""

    intervals: int = 0
    missed: int = 0
    jobs: int = 0
    false: int = 0
    missed_uncorrected: int = 0
    false_uncorrected: int = 0
    ended: tuple = ()

    def __str__(self):
        blocks = np.mean(self.ended)
        return (
            f"{1 - self.missed / self.intervals:.1%} of intervals hold the truth, {self.false / self.jobs:.1%} of jobs "
            f"have a false verdict; {blocks:.1f} blocks on average"
        )


def log_ratios(job, spread, noise, random):
    """Variant → metric → the log-ratio of every block of an A/A job whose runs come in a drawn order.

    spread: of a pair's log-ratio, where runs are independent. Metrics share half of their noise's variance.
    """
    names = [variant.name for variant in job.variants]
    order = np.array([random.permutation(len(names)) for _ in range(LOOKS[-1])])
    shared, *own = (noise(random, order.size).reshape(order.shape) for _ in range(1 + len(job.primary)))
    found = {name: {} for name in names[1:]}
    for metric, alone in zip(job.primary, own, strict=True):
        runs = np.empty(order.shape)
        np.put_along_axis(runs, order, spread / 2 * (shared + alone), axis=1)
        for place, name in enumerate(names[1:], start=1):
            found[name][metric] = runs[:, place] - runs[:, 0]
    return found


def ended(job, logs):
    """The variants as they are judged at the look at which the job ends, and its blocks."""
    for blocks in looks(job):
        known = {name: {metric: of[:blocks] for metric, of in metrics.items()} for name, metrics in logs.items()}
        deciding = {name: {job.primary[0]: metrics[job.primary[0]]} for name, metrics in known.items()}
        if stopping(job, results(deciding, confidence_of(job)), blocks, end=None).enough:
            break
    return with_verdicts(results(known, confidence_of(job)), job, DeviceNoise()), blocks


def errors(family, noise, until, share, jobs):
    """Simulate so many jobs. share: until as a multiple of the spread of pairs; it decides where most of them end."""
    random = np.random.default_rng(20261126)
    variants, primary = FAMILIES[family]
    job = training_job(variants, until=until, repetitions=8, primary=primary)
    found = Errors(jobs=jobs)
    for _ in range(jobs):
        judged, blocks = ended(job, log_ratios(job, until / share, noise, random))
        values = [value for variant in judged[1:] for part in variant.parts for value in part.metrics.values()]
        found.intervals += len(values)
        found.missed += sum(not value.ratio.low <= 1 <= value.ratio.high for value in values)
        found.false += any(value.verdict.p_holm <= ALPHA for value in values)
        found.missed_uncorrected += sum(not value.ratio.low <= 1 <= value.ratio.high for value in uncorrected(judged))
        found.false_uncorrected += any(value.verdict.p <= ALPHA for value in values)
        found.ended += (blocks,)
    return found


def uncorrected(judged):
    """The same variants, judged as if this look had been the only one."""
    logs = {
        variant.variant: {name: log_pairs(value) for name, value in variant.parts[0].metrics.items()}
        for variant in judged[1:]
    }
    return [value for variant in results(logs)[1:] for value in variant.parts[0].metrics.values()]


def check(found, capsys):
    """At most 5 % of either, and three standard errors for the simulation's own chance."""
    with capsys.disabled():
        print(f"\n{found}")
    chance = 3 * (ALPHA * (1 - ALPHA) / found.jobs) ** 0.5
    assert found.missed / found.intervals <= ALPHA + chance
    assert found.false / found.jobs <= ALPHA + chance


@pytest.mark.parametrize("noise", NOISES)
def test_looking_more_than_once_errs_no_more_often(noise, capsys):
    """Of 150 jobs that mostly end at their first or second look, with noise of every kind.

    So few cannot show that the rule is kept, but on the same draws it must err less often than without a correction.
    """
    found = errors("one test", noise, 0.02, 1.1, 150)
    check(found, capsys)
    assert found.missed < found.missed_uncorrected
    assert found.false < found.false_uncorrected


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("until", "share"), [(0.002, 0.7), (0.02, 0.6), (0.02, 0.8), (0.02, 1.0), (0.2, 0.8)])
def test_one_test_errs_as_rarely_as_stated(noise, until, share, capsys):
    """1000 jobs each, with one test, that end early, late or without reaching what they ask for."""
    check(errors("one test", noise, until, share, 1000), capsys)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("until", "share"), [(0.002, 0.8), (0.02, 0.7), (0.2, 0.9)])
def test_a_family_of_tests_errs_as_rarely_as_stated(noise, until, share, capsys):
    """500 jobs each, of two variants and three metrics: any verdict in 5 % at most, each interval likewise."""
    check(errors("six tests", noise, until, share, 500), capsys)
