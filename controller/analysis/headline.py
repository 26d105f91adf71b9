"""The verdict in one sentence that can be quoted alone: what was gained, how surely, and at which cost."""

from collections.abc import Mapping, Sequence

from controller.analysis import wording
from controller.analysis.noise_floor import FEWEST_PAIRS
from controller.analysis.verdicts import DIFFERENT, MetricValue, PartResult, VariantResult, Verdict

MOST_CLAUSES = 3
NO_TEST = "Quick job: intervals, no test."


def headline(variants: Sequence[VariantResult], *, quick: bool, different: frozenset[str], busy: str = "") -> str:
    """One clause per variant against the baseline, '' where no variant can be compared.

    different: the variants that train other parameters than the baseline; it is said of each. busy: why the times
    that follow are of no use, said before them.
    """
    clauses = [(v, _clause(v)) for v in variants[1:]]
    said = [(v, text) for v, text in clauses if text]
    if not said:
        return ""
    if len(said) > MOST_CLAUSES:
        said = _extremes(said)
    sentences = [f"{v.variant}{_aside(v.variant in different)}: {text}." for v, text in said]
    if len(clauses) > MOST_CLAUSES:
        sentences.insert(0, f"Of {len(clauses)} variants, the fastest and the slowest.")
    doubts = [NO_TEST] if quick else [provisional(variants)]
    return " ".join(filter(None, [busy, *sentences, *doubts]))


def _aside(different: bool) -> str:
    return " (different parameters trained)" if different else ""


def _clause(variant: VariantResult) -> str:
    layers = [part for part in variant.parts if part.part]
    if layers and "simulated_cycles" in layers[0].metrics:
        return _simulated_clause(layers)
    if layers:
        return _layer_clause(layers)
    metrics = variant.parts[0].metrics
    speed = [_speed(metrics[name], words) for name, words in (("backward", "backward"), ("step_time", "whole step"))]
    cost = [_ratio(metrics["energy_per_step"], "energy per step"), _score(metrics)]
    return "; ".join(text for text in (", ".join(filter(None, speed)), *cost) if text)


def _simulated_clause(parts: Sequence[PartResult]) -> str:
    """Cycles of the backward pass under the schedules, and that nothing was measured."""
    cycles = _range(
        [part.metrics["simulated_cycles"] for part in parts if part.part.startswith("backward")], "schedules"
    )
    return f"simulated, not measured: backward pass {cycles}" if cycles else ""


def _layer_clause(layers: Sequence[PartResult]) -> str:
    """A layer's backward beside its forward and backward, and that neither is a network's training step."""
    backward = _range([part.metrics["backward"] for part in layers])
    if not backward:
        return ""
    both = _range([part.metrics["step_time"] for part in layers])
    return f"single layers: backward {backward}, forward and backward {both}; neither is a network's training step"


def _range(values: Sequence[MetricValue], of: str = "shapes") -> str:
    """The slowest and the fastest: a single number over shapes would depend on which were chosen."""
    ranked = sorted((value.ratio for value in values if value.ratio is not None), key=lambda ratio: ratio.value)
    if not ranked:
        return ""
    ends = [wording.speed_up(ratio) for ratio in (ranked[0], ranked[-1])]
    return ends[0] if len(ranked) == 1 else f"{ends[0]} to {ends[1]} over {len(ranked)} {of}"


def _speed(metric: MetricValue, words: str) -> str:
    if metric.ratio is None:
        return ""
    if metric.verdict is not None:
        return f"{words} {_judged(metric.verdict, wording.speed_up(metric.ratio))}"
    if metric.clear is None:
        return f"{words} {wording.speed_up(metric.ratio)} ({_why_unsure(metric.ratio.n)})"
    if not metric.clear:
        return f"{words} not clearly different, {wording.speed_up(metric.ratio)}"
    return f"{words} {wording.speed_up(metric.ratio)}"


def _ratio(metric: MetricValue, words: str) -> str:
    if metric.ratio is None:
        return ""
    if metric.verdict is not None:
        return f"{words} {_judged(metric.verdict, wording.ratio(metric.ratio))}"
    unclear = " not clearly different," if metric.clear is False else ""
    return f"{words}{unclear} {wording.ratio(metric.ratio)}"


def _judged(verdict: Verdict, size: str) -> str:
    """A verdict stands in the words of its size; what is none is said first."""
    return size if verdict.word in DIFFERENT else f"{verdict.word}, {size}"


def provisional(variants: Sequence[VariantResult]) -> str:
    """Why verdicts are provisional, '' where none is."""
    values = [value for variant in variants for part in variant.parts for value in part.metrics.values()]
    verdicts = [value.verdict for value in values if value.verdict is not None and value.verdict.provisional]
    if not verdicts:
        return ""
    pairs = min(verdict.floor_pairs for verdict in verdicts)
    return f"Provisional, floor unknown ({pairs} of {FEWEST_PAIRS} A/A pairs)."


def _score(metrics: Mapping[str, MetricValue]) -> str:
    """What training is for: the mIoU of a segmentation, the accuracy of a classification."""
    words = "mIoU" if "test_miou" in metrics else "accuracy"
    change = metrics.get("test_miou", metrics["test_accuracy"]).difference
    return f"{words} {wording.difference(change, 0.01, 'points')}" if change is not None else ""


def _why_unsure(pairs: int) -> str:
    return "one pair of runs, no interval" if pairs == 1 else "no spread between runs, no interval"


def _extremes(said: list[tuple[VariantResult, str]]) -> list[tuple[VariantResult, str]]:
    ranked = sorted(said, key=lambda item: _step_speed_up(item[0]))
    return [ranked[-1], ranked[0]]


def _step_speed_up(variant: VariantResult) -> float:
    ratios = [part.metrics["step_time"].ratio for part in variant.parts if "step_time" in part.metrics]
    return max((ratio.value for ratio in ratios if ratio is not None), default=0.0)
