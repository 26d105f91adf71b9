"""Power over one run of each variant, thinned to what a picture shows; energies are computed from all readings."""

from collections.abc import Sequence

import numpy as np

from controller.analysis.coverage import describe_source
from controller.analysis.evidence import Evidence
from controller.analysis.metering import meters
from controller.analysis.readings import Array, readings
from controller.analysis.verdicts import PhaseSpan, PowerTrace
from gradfilter.bench.schema import RunRecord, Series

MOST_POINTS = 240


def power_traces(evidence: Evidence) -> list[PowerTrace]:
    """Of the first complete block, each variant's run; a variant without a meter is left out."""
    first = min(evidence.complete_blocks, default=None)
    used = [run.record for variant in evidence.job.variants for run in evidence.used(variant.name)]
    traces = (_trace(record) for record in used if record.spec.block == first)
    return [trace for trace in traces if trace is not None]


def _trace(record: RunRecord) -> PowerTrace | None:
    meter = next(meters(record), None)
    if not meter or not record.phases:
        return None
    times, watts = _watts(meter)
    if times.size == 0:
        return None
    start_s = min(record.phases[0].start_s, float(times[0]))
    times, watts = _thinned(times, watts)
    return PowerTrace(
        variant=record.spec.variant.name,
        block=record.spec.block,
        source=describe_source([series.channel for series in meter]),
        times_s=[round(float(at) - start_s, 3) for at in times],
        watts=[float(value) for value in watts],
        phases=[
            PhaseSpan(p.name, p.start_s - start_s, p.end_s - start_s) for p in record.phases if p.end_s > p.start_s
        ],
    )


def _watts(meter: Sequence[Series]) -> tuple[Array, Array]:
    """The sum of a meter's channels at the instants of the first; of counters, what they rose by between readings."""
    tables = [readings(series) for series in meter]
    times = tables[0][0]
    total = np.sum([np.interp(times, *table) for table in tables], axis=0)
    if meter[0].channel.kind != "counter":
        return times, total
    spans, rises = np.diff(times), np.diff(total)
    usable = (spans > 0) & (rises >= 0)
    return (times[:-1] + spans / 2)[usable], rises[usable] / spans[usable]


def _thinned(times: Array, watts: Array) -> tuple[Array, Array]:
    """Means over equal numbers of readings."""
    size = -(-times.size // MOST_POINTS)
    groups = range(0, times.size, size)
    means = [(times[i : i + size].mean(), watts[i : i + size].mean()) for i in groups]
    table = np.array(means, dtype=np.float64)
    return table[:, 0], table[:, 1]
