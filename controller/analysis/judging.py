"""Verdicts: which primary metrics of which variants differ by more than chance and more than the device's own noise.

Every test was declared with the job; each p counts once for every look that the job may make, and Holm keeps the
chance of any false verdict in a job at ALPHA. An effect counts only beyond the threshold: the device's noise floor, or
1 % where that is smaller or not known yet.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, fsum, log

from controller.analysis.declared import Test, declared_tests
from controller.analysis.judgement_plan import JudgementPlan
from controller.analysis.looks import looks
from controller.analysis.metrics import METRICS
from controller.analysis.noise_floor import DeviceNoise, NoiseFloor
from controller.analysis.significance import ALPHA, fewest_blocks_for_a_verdict, holm, sign_flip_p
from controller.analysis.stopping import describe_looks
from controller.analysis.verdicts import MetricValue, PartResult, VariantResult, Verdict, VerdictWord
from gradfilter.bench.schema import JobSpec

SMALLEST_EFFECT = 0.01
_WORDS: dict[str, tuple[VerdictWord, VerdictWord]] = {"speed_up": ("slower", "faster"), "ratio": ("lower", "higher")}


def plan_judgement(job: JobSpec) -> JudgementPlan:
    """What the job's tests can say with the blocks it asks for."""
    tests = len(declared_tests(job))
    if not tests:
        why = (
            "a quick job gives intervals and cannot judge" if job.quick else "nothing is tested: no variant to compare"
        )
        return JudgementPlan(0, 0, job.repetitions, able=False, sentence=f"{why}.")
    possible = looks(job)
    needed, blocks = fewest_blocks_for_a_verdict(tests, len(possible)), possible[-1]
    able = blocks >= needed
    asked = f"this job {f'asks for {blocks}' if job.until is None else describe_looks(job)}"
    sentence = f"{_counted(tests, 'test')} can give a verdict with {needed} complete blocks or more; {asked}"
    advice = "" if able else f", so it gives intervals only: repeat it with {needed}, or name fewer primary metrics"
    return JudgementPlan(tests, needed, blocks, able, sentence=f"{sentence}{advice}.")


def with_verdicts(variants: Sequence[VariantResult], job: JobSpec, noise: DeviceNoise) -> list[VariantResult]:
    """The same variants, their primary metrics with a verdict."""
    tests = declared_tests(job)
    found = {test: value for test in tests if (value := _value(variants, test)) is not None}
    raw = {test: sign_flip_p(log_pairs(value)) for test, value in found.items() if value.ratio is not None}
    possible = len(looks(job))
    adjusted = dict(zip(raw, holm([possible * p for p in raw.values()], len(tests)), strict=True))
    needed = fewest_blocks_for_a_verdict(len(tests), possible)
    verdicts = {
        test: _verdict(value, raw.get(test), adjusted.get(test), noise.of(value.metric), needed)
        for test, value in found.items()
    }
    return [_judged(variant, verdicts) for variant in variants]


def log_pairs(value: MetricValue) -> list[float]:
    """The logarithm of each pair's ratio, in the order of blocks."""
    return [log(ratio) for ratio in value.pairs.values()]


def _verdict(value: MetricValue, p: float | None, p_holm: float | None, floor: NoiseFloor, needed: int) -> Verdict:
    least = max(floor.log_ratio if floor.known else 0.0, log(1 + SMALLEST_EFFECT))
    word, reason = _word(value, p_holm, least, needed)
    return Verdict(
        word=word,
        threshold=exp(least) - 1,
        p=p,
        p_holm=p_holm,
        floor=exp(floor.log_ratio) - 1 if floor.known else None,
        floor_pairs=floor.pairs,
        provisional=not floor.known,
        reason=reason,
    )


def _word(value: MetricValue, p_holm: float | None, least: float, needed: int) -> tuple[VerdictWord, str]:
    if value.ratio is None or p_holm is None:
        return "inconclusive", value.unmeasured or "there is no pair of runs with positive values"
    effect = fsum(log_pairs(value)) / len(value.pairs)
    if p_holm <= ALPHA:
        less, more = _WORDS[METRICS[value.metric].against]
        return ("no detectable difference", "") if abs(effect) <= least else (more if effect > 0 else less, "")
    if value.ratio.n < needed:
        return "inconclusive", f"{value.ratio.n} pairs of runs, where a verdict needs {needed}"
    low, high = value.ratio.low, value.ratio.high
    if abs(effect) <= least and (low is None or high is None or max(-log(low), log(high)) <= least):
        return "no detectable difference", ""
    return "inconclusive", f"more than {exp(least) - 1:.1%} either way is neither shown nor excluded; add blocks"


def _value(variants: Sequence[VariantResult], test: Test) -> MetricValue | None:
    name, part, metric = test
    variant = next(v for v in variants if v.variant == name)
    return next((p.metrics.get(metric) for p in variant.parts if p.part == part), None)


def _judged(variant: VariantResult, verdicts: dict[Test, Verdict]) -> VariantResult:
    parts = [
        PartResult(
            part.part,
            {
                name: replace(value, verdict=verdicts.get((variant.variant, part.part, name)))
                for name, value in part.metrics.items()
            },
        )
        for part in variant.parts
    ]
    return replace(variant, parts=parts)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
