"""The table of what layers took in the profiling run, and what stands in its place where there was none."""

from collections.abc import Iterator, Mapping, Sequence
from math import fsum

from controller.analysis.layer_times import DIRECTIONS
from controller.analysis.verdicts import Comparison, MetricValue
from controller.analysis.wording import TIMES, plain, significant_decimals
from controller.report.cells import NOTHING, UNMEASURED
from controller.report.layers import changed_in_any
from controller.report.rows import Group, Row, Table
from controller.report.units import Unit, choose_unit

_OTHERS = "all other layers"
_CHAINED = "layers that run as a chain share a backward pass: it stands beside the layer whose forward pass made it"
_Seconds = dict[str, tuple[float, ...]]  # layer → forward and backward


def time_table(comparison: Comparison) -> Table | None:
    """Every layer that a variant changed, and the others together; None where no variant changed a layer."""
    changed = changed_in_any(comparison)
    if not changed:
        return None
    found = {v.variant: _seconds(v.time_by_layer, changed) for v in comparison.variants if v.time_by_layer}
    notes = tuple(_untimed(comparison))
    if not found:
        return Table("Time by layer", ("layer",), notes)
    unit = choose_unit("s", [second for layers in found.values() for both in layers.values() for second in both])
    base = found.get(comparison.baseline, {})
    groups = tuple(_group(name, layers, base if layers is not base else {}, unit) for name, layers in found.items())
    times = [f"{way} [{unit.symbol}]" for way in DIRECTIONS]
    shares = [f"{way} against the baseline" for way in DIRECTIONS]
    method = next(
        value.method for v in comparison.variants for both in v.time_by_layer.values() for value in both.values()
    )
    return Table(f"Time by layer, {method}", ("layer", *times, *shares), (*groups, *notes))


def _untimed(comparison: Comparison) -> Iterator[Group]:
    """Why variants have no times: once for all that have the same reason."""
    reasons = dict.fromkeys(v.untimed for v in comparison.variants if not v.time_by_layer)
    for why in reasons:
        names = [v.variant for v in comparison.variants if v.untimed == why and not v.time_by_layer]
        yield Group(", ".join(names), (), (f"{UNMEASURED}: {why}",))


def _seconds(layers: Mapping[str, Mapping[str, MetricValue]], changed: Sequence[str]) -> _Seconds:
    times = {name: tuple(e.value for way in DIRECTIONS if (e := both[way].estimate)) for name, both in layers.items()}
    others = [both for name, both in times.items() if name not in changed]
    shown = {name: times[name] for name in changed if name in times}
    return {**shown, _OTHERS: tuple(fsum(way) for way in zip(*others, strict=True))} if others else shown


def _group(name: str, layers: _Seconds, base: _Seconds, unit: Unit) -> Group:
    rows = tuple(_row(layer, both, base.get(layer, ()), unit) for layer, both in layers.items())
    return Group(name, rows, (_CHAINED,) if base else ())


def _row(layer: str, times: Sequence[float], base: Sequence[float], unit: Unit) -> Row:
    """The times and, as times are compared, the baseline's divided by them; a single run has no interval."""
    shown = [_number(seconds / unit.scale) for seconds in times]
    against = [f"{_number(b / own)}{TIMES}" if own and b else NOTHING for own, b in zip(times, base, strict=False)]
    return Row(layer, (*shown, *(against or [NOTHING] * len(DIRECTIONS))))


def _number(value: float) -> str:
    return plain(value, significant_decimals(value))
