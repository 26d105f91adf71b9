"""What Prometheus reads at /metrics. Each app has its own registry, so that two in one process do not mix."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from agent import VERSION
from gradfilter.bench.schema import RunRecord

_DURATIONS_S = (1, 5, 10, 20, 40, 60, 120, 300, 900, 3600)
_GAPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """How runs ended, how long they took and how they were sampled; the agent's own memory and CPU time."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Info("gradfilter_agent", "The agent.", registry=self._registry).info({"version": VERSION})
        self._ended = Counter("gradfilter_agent_runs", "Runs that ended.", ["state"], registry=self._registry)
        self._active = Gauge("gradfilter_agent_run_active", "1 while a run is active.", registry=self._registry)
        self._failures = Counter(
            "gradfilter_agent_run_failures",
            "Runs without a complete result, by kind.",
            ["kind"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "gradfilter_agent_run_duration_seconds",
            "From a run's first phase to the end of its last.",
            buckets=_DURATIONS_S,
            registry=self._registry,
        )
        self._gaps = Histogram(
            "gradfilter_agent_sampler_worst_gap_seconds",
            "The longest time between two readings of a run.",
            buckets=_GAPS_S,
            registry=self._registry,
        )
        self._dropped = Counter(
            "gradfilter_agent_sensors_dropped", "Sensors that were given up during a run.", registry=self._registry
        )

    def watch(self, is_active: Callable[[], bool]) -> None:
        """Ask this whenever the gauge is read."""
        self._active.set_function(lambda: float(is_active()))

    def run_ended(self, record: RunRecord | None) -> None:
        """Count one; None is one whose end could not be written yet."""
        self._ended.labels(record.state if record else "lost").inc()
        if record is None:
            return
        if record.failure is not None:
            self._failures.labels(record.failure.kind).inc()
        if record.phases:
            self._durations.observe(record.phases[-1].end_s - record.phases[0].start_s)
        if record.sampler is not None:
            self._gaps.observe(record.sampler.worst_gap_s)
            self._dropped.inc(len(record.sampler.dropped))

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
