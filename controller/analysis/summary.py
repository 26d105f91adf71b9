"""One variant, judged: every metric with its estimate over runs and its comparison with the baseline."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from controller.analysis.estimate import difference_estimate, excludes, mean_estimate, ratio_estimate
from controller.analysis.evidence import Evidence
from controller.analysis.layer_times import time_by_layer, why_untimed
from controller.analysis.learning import epoch_results, gradient_results, saved_by_layer
from controller.analysis.measurements import Measurement
from controller.analysis.metrics import Metric
from controller.analysis.outliers import outliers
from controller.analysis.uncertainty import added
from controller.analysis.verdicts import MeterError, MetricValue, PartResult, VariantResult
from gradfilter.bench.schema import MethodSpec, RunRecord, Variant

_FAILED = ("failed", "lost")


def summarize(evidence: Evidence, variant: Variant) -> VariantResult:
    """The variant's metrics by part, its counts of runs, and what went wrong in them."""
    profile = evidence.profiles.get(variant.name)
    times = time_by_layer(profile)
    attempts, used = evidence.attempts[variant.name], [run.record for run in evidence.used(variant.name)]
    parts = [
        PartResult(part, {metric.name: judge(evidence, variant.name, part, metric) for metric in metrics})
        for part, metrics in evidence.metrics().items()
    ]
    return VariantResult(
        variant=variant.name,
        methods=describe_methods(variant),
        parts=parts,
        runs_valid=len(evidence.finished[variant.name]),
        runs_failed=sum(record.state == "failed" for record in attempts),
        runs_lost=sum(record.state == "lost" for record in attempts),
        runs_void=sum(record.spec.run_id in evidence.void for record in attempts),
        failures=[_failure(r, evidence.void) for r in attempts if r.state in _FAILED or r.spec.run_id in evidence.void],
        layers=_layers(used),
        epochs=epoch_results(used, evidence.confidence),
        gradients=gradient_results(used, evidence.confidence),
        ways=_ways(used),
        saved_by_layer=saved_by_layer(used),
        time_by_layer=times,
        untimed="" if times else why_untimed(profile, asked=evidence.job.profile),
    )


def judge(evidence: Evidence, variant: str, part: str, metric: Metric) -> MetricValue:
    """One metric of one variant: the estimate over its runs, and against the baseline over pairs."""
    used = evidence.used(variant)
    found = [evidence.measurement(run, metric.name, part) for run in used]
    with_value = [measurement for measurement in found if measurement.value is not None]
    if not with_value:
        reason = found[0].reason if found else _why_nothing(evidence, variant)
        return MetricValue(metric.name, metric.title, metric.unit, metric.kind, None, unmeasured=reason)
    values = tuple(m.value for m in with_value if m.value is not None)
    return MetricValue(
        metric=metric.name,
        title=metric.title,
        unit=metric.unit,
        kind=with_value[0].kind,
        estimate=mean_estimate(values, evidence.confidence, deterministic=metric.deterministic, limits=metric.limits),
        runs=values,
        outliers=outliers(
            {r.record.spec.block: m.value for r, m in zip(used, found, strict=True) if m.value is not None}
        ),
        source=with_value[0].source,
        covers=with_value[0].covers,
        meter_error=_meter_error(with_value),
        method=with_value[0].method,
        **judged_pairs(_pairs(evidence, variant, part, metric), metric, evidence.confidence),
    )


def _meter_error(found: Sequence[Measurement]) -> MeterError | None:
    """The mean over runs of what a meter may be wrong by in one: gain and offset are the same in all."""
    known = [measurement.uncertainty for measurement in found if measurement.uncertainty is not None]
    if not known:
        return None
    mean = added(known).scaled(1 / len(known))
    return MeterError(mean.standard, dict(mean.components), mean.undeclared)


def _pairs(evidence: Evidence, variant: str, part: str, metric: Metric) -> dict[int, tuple[float, float]]:
    """Block → (baseline's value, variant's value), where both are there; the baseline itself has no pairs."""
    if variant == evidence.baseline:
        return {}
    measured = {
        own.record.spec.block: tuple(evidence.measurement(run, metric.name, part).value for run in (base, own))
        for base, own in evidence.pairs(variant)
    }
    return {b: (base, own) for b, (base, own) in measured.items() if base is not None and own is not None}


def judged_pairs(pairs: Mapping[int, tuple[float, float]], metric: Metric, confidence: float) -> dict[str, Any]:
    """What a MetricValue says of pairs, block → (baseline's value, variant's value): as the metric is compared."""
    if not pairs:
        return {}
    base, own = zip(*pairs.values(), strict=True)
    if metric.against == "difference":
        difference = difference_estimate(own, base, confidence, deterministic=metric.deterministic)
        effects = {block: b - a for block, (a, b) in pairs.items()}
        return {"difference": difference, "clear": excludes(difference, 0.0), "pairs": effects}
    above, below = (base, own) if metric.against == "speed_up" else (own, base)
    ratio = ratio_estimate(above, below, confidence, deterministic=metric.deterministic)
    if ratio is None:
        return {}
    effects = dict(zip(pairs, (a / b for a, b in zip(above, below, strict=True)), strict=True))
    return {"ratio": ratio, "clear": excludes(ratio, 1.0), "pairs": effects}


def describe_methods(variant: Variant) -> str:
    """The variant's methods as a line: 'gradient_filter(last=4, patch_size=4)', or 'plain training'."""
    text = " + ".join(_call(method) for method in variant.methods) or "plain training"
    if variant.trainable is None:
        return text
    names = variant.trainable if isinstance(variant.trainable, str) else ", ".join(variant.trainable)
    return f"{text}, trains {names}"


def _call(method: MethodSpec) -> str:
    return f"{method.name}({', '.join(f'{key}={value!r}' for key, value in sorted(method.options.items()))})"


def _failure(record: RunRecord, void: Mapping[str, str]) -> str:
    """Why a run does not count."""
    where = f"block {record.spec.block}, attempt {record.spec.attempt}"
    if record.spec.run_id in void:
        return f"{where}: void: {void[record.spec.run_id]}"
    if record.failure is None:
        return f"{where}: {record.state}"
    return f"{where}: {record.failure.kind}: {record.failure.message}"


def _ways(runs: list[RunRecord]) -> dict[str, int]:
    """How many layers were changed in which way; the first run stands for all."""
    layers = runs[0].outcome.layers if runs else []
    return dict(Counter(", ".join(filter(None, (layer.change, layer.run))) for layer in layers))


def _layers(runs: list[RunRecord]) -> list[str]:
    layers = runs[0].outcome.layers if runs else []
    return [f"{layer.name}: {', '.join(filter(None, (layer.change, layer.run)))}" for layer in layers]


def _why_nothing(evidence: Evidence, variant: str) -> str:
    attempts = evidence.attempts[variant]
    if not attempts:
        return "no run of this variant has ended yet"
    return f"none of its {len(attempts)} runs finished; the last: {_failure(attempts[-1], evidence.void)}"
