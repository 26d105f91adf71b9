"""The table of the same job on several boards: each board's mean and ratio, then the effect over boards."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from controller.analysis import wording
from controller.analysis.metrics import METRICS
from controller.analysis.verdicts import AcrossDevices, Comparison, EffectAcross
from controller.report import cells
from controller.report.cells import NOTHING, UNMEASURED
from controller.report.rows import Group, Row, Table
from controller.report.units import Unit

# What boards are chosen by; the files for programs have every metric.
_SHOWN = (
    "step_time",
    "backward",
    "energy_per_step",
    "peak_rss_bytes",
    "saved_activation_bytes",
    "test_accuracy",
    "test_miou",
    "test_loss",
)


def across_table(comparison: Comparison) -> Table | None:
    """Every board's values by metric; None where the job is alone."""
    across = comparison.across
    if across is None:
        return None
    shown = (effect for effect in _measured(across) if _metric(effect) in _SHOWN)
    groups = [_group(list(effects)) for _, effects in groupby(shown, _place)]
    mean = f"mean over runs ({wording.level(comparison.confidence)} interval)"
    columns = ("variant", "board", mean, "against the baseline", "difference")
    caption = f"The same job on {len(across.jobs)} boards"
    return Table(caption, columns, (*groups, *_unfinished(across)))


def _group(effects: list[EffectAcross]) -> Group:
    """One metric, of boards whose meters cover the same."""
    boards = [board for effect in effects for board in effect.boards]
    values = [board.value for board in boards]
    unit = cells.common_unit(METRICS[values[0].metric], values)
    covers = f", of {values[0].covers}" if values[0].covers else ""
    title = cells.title_with_unit(values[0], unit, effects[0].part) + covers
    rows = tuple(row for effect in effects for row in _rows(effect, unit))
    why = (f"{UNMEASURED} on {b.device}: {b.value.unmeasured}" for b in boards if b.value.estimate is None)
    return Group(title, rows, tuple(dict.fromkeys(why)))


def _rows(effect: EffectAcross, unit: Unit) -> Iterator[Row]:
    metric = METRICS[_metric(effect)]
    for board in effect.boards:
        value = board.value
        if value.estimate is not None:
            shown = (board.device, cells.mean(value, unit, value.estimate.n), *cells.compared(metric, value, unit))
            yield Row(effect.variant, shown, cells.mark(metric, value))
    pooled = effect.over_boards
    compared = pooled and (pooled.ratio or pooled.difference)
    if pooled and compared:
        level = "" if compared.low is None else f" ({wording.level(compared.confidence)} interval)"
        shown = (f"over {compared.n} boards{level}", NOTHING, *cells.compared(metric, pooled, unit))
        yield Row(effect.variant, shown, cells.mark(metric, pooled))


def _measured(across: AcrossDevices) -> Iterator[EffectAcross]:
    """The effects without the boards that have measured nothing at all, which are named once, below."""
    measuring = {b.job_id for effect in across.effects for b in effect.boards if b.value.estimate is not None}
    for effect in across.effects:
        boards = [board for board in effect.boards if board.job_id in measuring]
        if boards:
            yield replace(effect, boards=boards)


def _unfinished(across: AcrossDevices) -> Iterator[Group]:
    """What jobs of other boards still lack."""
    notes = tuple(f"{job.device}, job {job.job_id}: {job.missing}" for job in across.jobs if job.missing)
    if notes:
        yield Group("missing", (), notes)


def _metric(effect: EffectAcross) -> str:
    return effect.boards[0].value.metric


def _place(effect: EffectAcross) -> tuple[str, str, str]:
    value = effect.boards[0].value
    return effect.part, value.metric, value.covers
