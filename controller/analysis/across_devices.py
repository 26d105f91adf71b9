"""The same job on several boards: what it found on each, and one effect over them all.

Every board counts once. The effect over boards is the geometric mean of their ratios (the mean of their differences,
for scores) with an interval over boards: boards are the sample, and n counts them. Weights by precision would let the
board with the quietest runs speak for the others, while boards differ by far more than a board's runs scatter;
random-effects weights are then all but equal, and the interval is that of Hartung and Knapp. Sources: Fleming, Wallace,
Communications of the ACM 29(3), 1986 (ratios over machines); Hartung, Knapp, Statistics in Medicine 20 (2001).

Metered quantities stand together only where the meters cover the same of their boards.
"""

from collections.abc import Iterator, Sequence

from controller.analysis.estimate import Estimate, difference_estimate, excludes, ratio_estimate
from controller.analysis.verdicts import AcrossDevices, BoardJob, BoardValue, Comparison, EffectAcross, MetricValue

FEWEST_BOARDS = 2
_Place = tuple[str, str, str]  # part, metric, what a meter covers


def across_devices(comparisons: Sequence[Comparison]) -> AcrossDevices:
    """The jobs of one series, in their order; each is the same job on another board."""
    jobs = [BoardJob(one.device, one.job_id, one.state, one.missing) for one in comparisons]
    return AcrossDevices(jobs, list(_effects(comparisons)))


def _effects(comparisons: Sequence[Comparison]) -> Iterator[EffectAcross]:
    """By part, metric and what is metered, then by variant, in the order of the job."""
    places: dict[tuple[str, str], dict[_Place, None]] = {}
    found: dict[tuple[_Place, str], list[BoardValue]] = {}
    for one in comparisons:
        for variant in one.variants:
            for part, value in ((p.part, value) for p in variant.parts for value in p.metrics.values()):
                place = (part, value.metric, value.covers)
                places.setdefault(place[:2], {})[place] = None
                found.setdefault((place, variant.variant), []).append(BoardValue(one.device, one.job_id, value))
    names = [variant.variant for variant in comparisons[0].variants]
    for place in (place for alike in places.values() for place in alike):
        for name in (name for name in names if (place, name) in found):
            boards = found[place, name]
            yield EffectAcross(name, place[0], boards, _over_boards([board.value for board in boards]))


def _over_boards(values: Sequence[MetricValue]) -> MetricValue | None:
    """The effect over boards; None for the baseline, and where fewer boards than two have one."""
    ratios = [value.ratio for value in values if value.ratio is not None]
    differences = [value.difference for value in values if value.difference is not None]
    if max(len(ratios), len(differences)) < FEWEST_BOARDS:
        return None
    ratio = _pooled_ratio(ratios) if ratios else None
    difference = _pooled_difference(differences) if differences else None
    clear = excludes(ratio, 1.0) if ratio is not None else excludes(difference, 0.0)
    one = values[0]
    return MetricValue(
        one.metric,
        one.title,
        one.unit,
        one.kind,
        estimate=None,
        ratio=ratio,
        difference=difference,
        clear=clear,
        covers=one.covers,
    )


def _pooled_ratio(ratios: Sequence[Estimate]) -> Estimate | None:
    exact = all(ratio.exact for ratio in ratios)
    return ratio_estimate([ratio.value for ratio in ratios], [1.0] * len(ratios), deterministic=exact)


def _pooled_difference(differences: Sequence[Estimate]) -> Estimate:
    exact = all(difference.exact for difference in differences)
    return difference_estimate([one.value for one in differences], [0.0] * len(differences), deterministic=exact)
