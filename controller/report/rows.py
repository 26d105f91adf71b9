"""The tables of a report as text cells: the one model that text, Markdown and HTML lay out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller.analysis import wording
from controller.analysis.metrics import METRICS
from controller.analysis.noise_floor import FEWEST_PAIRS
from controller.analysis.verdicts import Comparison, MetricValue
from controller.report import cells
from controller.report.cells import NOTHING, UNMEASURED, Mark
from controller.report.units import Unit


@dataclass(frozen=True)
class Row:
    """A variant's cells. mark: how the difference from the baseline is to be taken, '' if there is none."""

    label: str
    cells: tuple[str, ...]
    mark: Mark = ""


@dataclass(frozen=True)
class Group:
    """The rows of one metric, or of one shape; notes belong to all of them."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Columns, the first of which names the variant, and groups of rows."""

    caption: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]


def result_tables(comparison: Comparison) -> list[Table]:
    """What was measured: by metric for a whole step; for single layers by shape, and their process by metric.

    What is modelled from it has a table of its own.
    """
    level = wording.level(comparison.confidence)
    columns = ("variant", f"mean over runs ({level} interval)", "against the baseline", "difference")
    layers = [part.part for part in comparison.variants[0].parts if part.part]
    names = _metric_names(comparison, "")
    modelled = [name for name in names if _is_modelled(comparison, name)]
    whole = [_metric_group(comparison, name, "") for name in names if name not in modelled]
    caption = "The whole process" if layers else "A whole training step"
    tables = [Table(caption, columns, _merged(whole))]
    if modelled:
        groups = [_metric_group(comparison, name, "") for name in modelled]
        tables.append(Table("Energy by part of a step: modelled, not measured", columns, _merged(groups)))
    return [_layer_table(comparison, layers, level), *tables] if layers else tables


def run_table(comparison: Comparison) -> Table:
    """How many runs there were of each variant, and what they were."""
    rows = [
        Row(v.variant, (v.methods, str(v.runs_valid), str(v.runs_failed), str(v.runs_lost), str(v.runs_void)))
        for v in comparison.variants
    ]
    return Table("Runs", ("variant", "methods", "finished", "failed", "lost", "void"), (Group("", tuple(rows)),))


def value_table(comparison: Comparison) -> Table:
    """The measured value of every run, in the order of blocks."""
    groups = []
    for part in _parts(comparison):
        for name in (name for name in _metric_names(comparison, part) if METRICS[name].kind == "measured"):
            found = [(variant, value) for variant, value in _values(comparison, name, part) if value.runs]
            if found:
                unit = cells.common_unit(METRICS[name], [value for _, value in found])
                rows = tuple(Row(variant, (_listed(value.runs, unit),)) for variant, value in found)
                groups.append(Group(cells.title_with_unit(found[0][1], unit, part), rows, tuple(_outlying(found))))
    return Table("Every run", ("variant", "values in the order of blocks"), tuple(groups))


def _outlying(values: Sequence[tuple[str, MetricValue]]) -> Iterator[str]:
    """Runs beyond Tukey's fences, by their blocks; they are in every number."""
    found = [f"{variant} block {block} ({label})" for variant, v in values for block, label in v.outliers.items()]
    if found:
        yield f"outliers, kept: {', '.join(found)}"


def _metric_group(comparison: Comparison, name: str, part: str) -> Group:
    metric, values, wanted = METRICS[name], list(_values(comparison, name, part)), comparison.blocks_wanted
    unit = cells.common_unit(metric, [value for _, value in values])
    notes = (*_notes([value for _, value in values]), *_tests(values), *_meter_errors(values, unit))
    if all(value.estimate is None for _, value in values):
        return Group(values[0][1].title, (), notes)
    rows = tuple(
        Row(variant, (cells.mean(value, unit, wanted), *cells.compared(metric, value, unit)), cells.mark(metric, value))
        for variant, value in values
    )
    return Group(cells.title_with_unit(values[0][1], unit), rows, notes)


def _is_modelled(comparison: Comparison, name: str) -> bool:
    """Whether there is a modelled number; where there is none, the reason stands with the others."""
    values = [value for _, value in _values(comparison, name, "")]
    return METRICS[name].kind != "measured" and any(value.estimate is not None for value in values)


def _merged(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Neighbours without any row become one group where their notes are the same."""
    merged: list[Group] = []
    for group in groups:
        last = merged[-1] if merged else None
        if last is not None and not (group.rows or last.rows) and group.notes == last.notes:
            merged[-1] = Group(f"{last.title}, {group.title}", (), group.notes)
        else:
            merged.append(group)
    return tuple(merged)


def _layer_table(comparison: Comparison, parts: Sequence[str], level: str) -> Table:
    """By shape; a speed-up of backward never stands without that of forward and backward."""
    names = ("forward", "backward", "saved_activation_bytes")
    units = {
        n: cells.common_unit(METRICS[n], [v for part in parts for _, v in _values(comparison, n, part)]) for n in names
    }
    columns = (
        "variant",
        *(f"{METRICS[name].title} [{units[name].symbol}]" for name in names[:2]),
        "speed-up of backward",
        "difference",
        "speed-up of forward and backward",
        f"saved [{units['saved_activation_bytes'].symbol}]",
    )
    groups = tuple(_layer_group(comparison, part, units) for part in parts)
    caption = f"Single layers, not a network's training step: means over runs ({level} intervals)"
    return Table(caption, columns, groups)


def _layer_group(comparison: Comparison, part: str, units: dict[str, Unit]) -> Group:
    rows, values = [], []
    for variant in comparison.variants:
        metrics = next(p.metrics for p in variant.parts if p.part == part)
        backward, both = metrics["backward"], metrics["step_time"]
        means = {name: cells.mean(metrics[name], unit, comparison.blocks_wanted) for name, unit in units.items()}
        gains = (_times(backward), cells.verdict(METRICS["backward"], backward), _times(both))
        shown = (means["forward"], means["backward"], *gains, means["saved_activation_bytes"])
        rows.append(Row(variant.variant, shown, cells.mark(METRICS["backward"], backward)))
        values.append((variant.variant, backward, both))
    tested = _tests([(name, both) for name, _, both in values], "forward and backward ")
    return Group(part, tuple(rows), (*_notes([backward for _, backward, _ in values]), *tested))


def _times(value: MetricValue) -> str:
    """A speed-up in a column that is headed so: above 1 is faster."""
    return wording.ratio(value.ratio) if value.ratio is not None else NOTHING


def _parts(comparison: Comparison) -> list[str]:
    return [part.part for part in comparison.variants[0].parts]


def _metric_names(comparison: Comparison, part: str) -> list[str]:
    return [name for p in comparison.variants[0].parts if p.part == part for name in p.metrics]


def _values(comparison: Comparison, name: str, part: str) -> Iterator[tuple[str, MetricValue]]:
    for variant in comparison.variants:
        yield from ((variant.variant, p.metrics[name]) for p in variant.parts if p.part == part)


def _notes(values: Sequence[MetricValue]) -> Iterator[str]:
    """Why something is unmeasured, and what a meter covers: each once."""
    yield from dict.fromkeys(f"{UNMEASURED}: {value.unmeasured}" for value in values if value.estimate is None)
    yield from dict.fromkeys(f"metered: {value.source}" for value in values if value.source)
    yield from dict.fromkeys(value.method for value in values if value.method)


def _tests(values: Sequence[tuple[str, MetricValue]], what: str = "") -> Iterator[str]:
    """What stands behind the verdicts: each variant's p, and what a difference had to exceed on this device."""
    tested = [(variant, v.verdict) for variant, v in values if v.verdict is not None and v.verdict.p is not None]
    if not tested:
        return
    words = [f"{variant} {what}{v.word} (p {v.p:.2g}, adjusted {v.p_holm:.2g})" for variant, v in tested]
    first = tested[0][1]
    if first.floor is not None:
        floor = f"noise floor {first.floor:.1%}, {first.floor_pairs} A/A pairs"
    else:
        floor = f"provisional, floor unknown: {first.floor_pairs} of {FEWEST_PAIRS} A/A pairs"
    yield f"tested: {', '.join(words)}; a difference counts beyond {first.threshold:.1%} ({floor})"
    yield from dict.fromkeys(f"inconclusive: {v.reason}" for _, v in tested if v.reason)


def _meter_errors(values: Sequence[tuple[str, MetricValue]], unit: Unit) -> Iterator[str]:
    """What the meter may be wrong by in one run, what most of that comes from, and what it does not say."""
    known = [(variant, value.estimate.value, value.meter_error) for variant, value in values if value.estimate]
    found = [(variant, mean, error) for variant, mean, error in known if error is not None]
    if not found:
        return
    sizes = [
        f"{variant} {wording.plus_minus(mean, 2 * error.standard, unit.scale, unit.symbol)}"
        for variant, mean, error in found
    ]
    parts = found[0][2].components
    mostly = f", mostly {max(parts, key=lambda cause: parts[cause])}" if any(parts.values()) else ""
    yield f"one run and what its meter may be wrong by (k = 2{mostly}): {', '.join(sizes)}"
    silent = list(dict.fromkeys(cause for _, _, error in found for cause in error.undeclared))
    if silent:
        yield f"not declared by the sensor, and so not in it: {', '.join(silent)}"


def _listed(runs: Sequence[float], unit: Unit) -> str:
    scaled = [run / unit.scale for run in runs]
    decimals = max(wording.significant_decimals(value) for value in scaled)
    return "  ".join(wording.plain(value, decimals) for value in scaled)
