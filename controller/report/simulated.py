"""What was simulated on a systolic array: a table by pass and schedule, in which nothing measured stands."""

from collections.abc import Mapping, Sequence

from controller.analysis import wording
from controller.analysis.metrics import METRICS, SIMULATED_METRICS
from controller.analysis.verdicts import Comparison, MetricValue
from controller.report.cells import NOTHING, UNMEASURED
from controller.report.rows import Group, Row, Table
from controller.report.units import choose_unit

_CAPTION = "Simulated on a systolic array, not measured: one training step's matrix products"


_INTERLEAVED = "backward intergrad"
_COUNTED = ("simulated_cycles", "simulated_accesses", "simulated_energy")


def simulated_tables(comparison: Comparison) -> list[Table]:
    """Every variant under every schedule, and the schedules beside one another; empty where nothing is simulated."""
    if not comparison.variants or not _is_simulated(next(iter(comparison.variants[0].parts[0].metrics.values()))):
        return []
    return [_variants_table(comparison), _schedules_table(comparison)]


def _variants_table(comparison: Comparison) -> Table:
    """Cycles, words and modelled energy of every schedule."""
    names = [metric.name for metric in SIMULATED_METRICS]
    columns = (
        "variant",
        *(METRICS[name].title for name in names),
        "against the baseline: cycles, words, energy",
        "difference",
    )
    parts = [part.part for part in comparison.variants[0].parts]
    return Table(_CAPTION, columns, tuple(_group(comparison, part, names) for part in parts))


def _schedules_table(comparison: Comparison) -> Table:
    """Each schedule of the backward pass as multiples of the interleaved one, on the same network."""
    groups = []
    for variant in comparison.variants:
        by_part = {part.part: part.metrics for part in variant.parts if part.part.startswith("backward")}
        ours = by_part.pop(_INTERLEAVED, {})
        rows = tuple(
            Row(part, (*(_multiple(found, ours, name) for name in _COUNTED), "exact"))
            for part, found in by_part.items()
        )
        groups.append(Group(variant.variant, rows))
    columns = ("schedule", *(METRICS[name].title for name in _COUNTED), "difference")
    return Table(
        f"Simulated: each schedule as multiples of {_INTERLEAVED}; above 1 interleaving takes less",
        columns,
        tuple(groups),
    )


def _multiple(schedule: Mapping[str, MetricValue], ours: Mapping[str, MetricValue], name: str) -> str:
    theirs, reference = (values[name].estimate if name in values else None for values in (schedule, ours))
    if theirs is None or reference is None or not reference.value:
        return NOTHING
    return f"{theirs.value / reference.value:.3f}{wording.TIMES}"


def _is_simulated(value: MetricValue) -> bool:
    return METRICS[value.metric].kind == "simulated"


def _group(comparison: Comparison, part: str, names: Sequence[str]) -> Group:
    by_variant = [
        (variant.variant, found.metrics)
        for variant in comparison.variants
        for found in variant.parts
        if found.part == part
    ]
    rows = []
    for variant, metrics in by_variant:
        values = [metrics[name] for name in names]
        cycles, _, words, energy = values
        gains = [wording.speed_up(cycles.ratio)] if cycles.ratio is not None else []
        gains += [wording.ratio(value.ratio) for value in (words, energy) if value.ratio is not None]
        # The same network gives the same cycles in every run.
        compared = (", ".join(gains), "exact") if gains else (NOTHING, NOTHING)
        rows.append(Row(variant, (*map(_cell, values), *compared)))
    return Group(part, tuple(rows))


def _cell(value: MetricValue) -> str:
    if value.estimate is None:
        return UNMEASURED
    unit = choose_unit(METRICS[value.metric].unit, [value.estimate.value])
    number = f"{value.estimate.value:,.0f}" if not unit.symbol else f"{value.estimate.value / unit.scale:.4g}"
    return f"{number} {unit.symbol}".rstrip()
