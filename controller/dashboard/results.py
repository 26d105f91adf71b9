"""What the pages of results show: lines of a table across jobs, and two variants side by side, as text."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from controller.analysis import wording
from controller.analysis.across_jobs import VariantValue, set_against, variant_values
from controller.analysis.environment import conditions, differences
from controller.analysis.estimate import Estimate, excludes, mean_estimate
from controller.analysis.looks import confidence_of
from controller.analysis.metrics import METRICS, Metric, applicable
from controller.analysis.summary import describe_methods
from controller.jobs import ResultRow
from controller.report.units import Unit, choose_unit, difference_unit
from controller.store import JobValues, StoredJob
from gradfilter.bench.schema import RunRecord, Variant

Mark = Literal["", "better", "worse", "unclear"]
# Of the job itself, not of what it measures; a difference in them needs no word.
_NO_CONDITION = ("seed",)


@dataclass(frozen=True)
class ResultLine:
    """One variant of one job in the table across jobs."""

    job: StoredJob
    model: str
    variant: str
    methods: str
    part: str
    mean: str
    against: str
    mark: Mark
    runs: int


@dataclass(frozen=True)
class Side:
    """One of two variants that are compared. values: by (metric, part), then block. record: of its first run."""

    job: StoredJob
    variant: Variant
    values: Mapping[tuple[str, str], Mapping[int, float]]
    covers: Mapping[tuple[str, str], str]
    record: RunRecord

    @property
    def name(self) -> str:
        """What the page calls it."""
        return f"{self.variant.name}, job {self.job.id}"

    @property
    def methods(self) -> str:
        """Its methods in a line."""
        return describe_methods(self.variant)


@dataclass(frozen=True)
class ComparedRow:
    """One metric of two variants."""

    title: str
    means: tuple[str, str]
    against: str
    mark: Mark


@dataclass(frozen=True)
class SideBySide:
    """Two variants compared. apart: what differs in what must be equal, so that no ratio is given."""

    sides: tuple[Side, Side]
    paired: bool
    apart: list[str]
    asked: list[str]
    rows: list[ComparedRow]


def side_of(job: StoredJob, variant: Variant, rows: Sequence[ResultRow], record: RunRecord) -> Side:
    """A variant's results as a side of a comparison."""
    values: dict[tuple[str, str], dict[int, float]] = {}
    for row in rows:
        if row.value is not None:
            values.setdefault((row.metric, row.part), {})[row.block] = row.value
    covers = {(row.metric, row.part): row.covers for row in rows}
    return Side(job, variant, values, covers, record)


def result_lines(metric: Metric, jobs: Sequence[JobValues]) -> tuple[str, list[ResultLine]]:
    """The metric with its unit, and the lines of a page, all in that unit, so that they can be compared by eye."""
    judged = [(one, value) for one in jobs for value in _values(metric, one)]
    unit = choose_unit(metric.unit, [value.estimate.value for _, value in judged])
    return unit_name(metric, unit), [_line(metric, one.job, value, unit) for one, value in judged]


def compare_sides(own: Side, other: Side) -> SideBySide:
    """Every metric that both measured, the first against the second."""
    paired = own.job.id == other.job.id
    apart = [] if paired else differences(conditions(own.record), conditions(other.record))
    parts = sorted({part for _, part in own.values} & {part for _, part in other.values})
    rows = [
        _compared(metric, part, own, other, paired=paired, judged=not apart)
        for part in parts
        for metric in applicable(list(METRICS.values()), _telling(part, own, other))
        if (metric.name, part) in own.values and (metric.name, part) in other.values
    ]
    return SideBySide((own, other), paired, apart, _asked_differently(own.job, other.job), rows)


def unit_name(metric: Metric, unit: Unit) -> str:
    """'step time [ms]'."""
    return f"{metric.title} [{unit.symbol}]" if unit.symbol else metric.title


def model_of(job: StoredJob) -> str:
    """What a job trains, or its kind of workload."""
    return str(getattr(job.spec.workload, "model", job.spec.workload.kind))


def _values(metric: Metric, one: JobValues) -> list[VariantValue]:
    spec = one.job.spec
    return variant_values(metric, spec.variants[0].name, one.values, confidence_of(spec))


def _line(metric: Metric, job: StoredJob, value: VariantValue, unit: Unit) -> ResultLine:
    methods = {variant.name: describe_methods(variant) for variant in job.spec.variants}
    against, mark = _against(metric, value.ratio, value.difference, unit)
    return ResultLine(
        job=job,
        model=model_of(job),
        variant=value.variant,
        methods=methods.get(value.variant, ""),
        part=value.part,
        mean=wording.with_interval(value.estimate, unit.scale),
        against=against,
        mark=mark,
        runs=value.estimate.n,
    )


def _against(metric: Metric, ratio: Estimate | None, difference: Estimate | None, unit: Unit) -> tuple[str, Mark]:
    """In words, and whether it is clearly better or worse."""
    if difference is not None:
        text = wording.difference(difference, unit.scale, difference_unit(unit))
        return _said(text, _mark(difference, 0.0, better=(difference.value > 0) == metric.more_is_better))
    if ratio is None:
        return "", ""
    if metric.against == "speed_up":
        return _said(wording.speed_up(ratio), _mark(ratio, 1.0, better=ratio.value > 1))
    return _said(wording.ratio(ratio), _mark(ratio, 1.0, better=ratio.value < 1))


def _mark(estimate: Estimate, neutral: float, *, better: bool) -> Mark:
    """No mark where nothing can be said, and where counts are equal, which leaves no doubt."""
    clear = excludes(estimate, neutral)
    if clear is None or (estimate.exact and not clear):
        return ""
    return ("better" if better else "worse") if clear else "unclear"


def _said(text: str, mark: Mark) -> tuple[str, Mark]:
    """Colour alone says nothing to who does not see it."""
    return (f"{text}, not clear" if mark == "unclear" else text), mark


def _compared(metric: Metric, part: str, own: Side, other: Side, *, paired: bool, judged: bool) -> ComparedRow:
    key = (metric.name, part)
    both = own.values[key], other.values[key]
    confidence = max(confidence_of(side.job.spec) for side in (own, other))
    means = [
        mean_estimate(list(one.values()), confidence, deterministic=metric.deterministic, limits=metric.limits)
        for one in both
    ]
    unit = choose_unit(metric.unit, [mean.value for mean in means])
    same_meter = own.covers[key] == other.covers[key]
    ratio, difference = set_against(metric, *both, confidence, paired=paired) if judged and same_meter else (None, None)
    against, mark = _against(metric, ratio, difference, unit)
    title = unit_name(metric, unit)
    return ComparedRow(
        title=f"{part}: {title}" if part else title,
        means=(wording.with_interval(means[0], unit.scale), wording.with_interval(means[1], unit.scale)),
        against=against if same_meter else "other meters, not compared",
        mark=mark,
    )


def _telling(part: str, *sides: Side) -> set[str]:
    """The metrics of which a side has another value than every ordinary run."""
    return {
        name
        for side in sides
        for (name, of), values in side.values.items()
        if of == part and any(value != METRICS[name].plain for value in values.values())
    }


def _asked_differently(own: StoredJob, other: StoredJob) -> list[str]:
    """In what the two jobs' workloads differ: 'batch_size 16 and 32'."""
    ours, theirs = _flat(asdict(own.spec.workload)), _flat(asdict(other.spec.workload))
    return [
        f"{name} {ours.get(name)} and {theirs.get(name)}"
        for name in dict.fromkeys([*ours, *theirs])
        if name not in _NO_CONDITION and ours.get(name) != theirs.get(name)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
