"""What Prometheus reads of the runs that this controller stored: their durations, failures and sampling.

Counted as records arrive and lost with the process, as counters of Prometheus are. No label names a board, a job or a
user: their number grows, and what is known of each stands in the results.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

from gradfilter.bench.schema import RunRecord

_MINUTE_S = 60
_DURATIONS_S = (1, 5, 10, 20, 40, _MINUTE_S, 2 * _MINUTE_S, 5 * _MINUTE_S, 15 * _MINUTE_S, 60 * _MINUTE_S)
_GAPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10)
# A board may send any word; one that is not known must not become a series of its own.
_FAILURES = frozenset(
    {"refused", "exception", "out_of_memory", "non_finite_loss", "time_limit", "killed", "lost", "cancelled"}
)


class RunMetrics:
    """The counters of one controller, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._durations = Histogram(
            "gradfilter_run_duration_seconds",
            "From a run's first phase to the end of its last, on the board's clock.",
            ["purpose"],
            buckets=_DURATIONS_S,
            registry=self.registry,
        )
        self._gaps = Histogram(
            "gradfilter_sampler_worst_gap_seconds",
            "The longest time between two readings of a run.",
            buckets=_GAPS_S,
            registry=self.registry,
        )
        self._failures = Counter(
            "gradfilter_run_failures", "Runs that failed, by kind.", ["kind"], registry=self.registry
        )
        self._dropped = Counter(
            "gradfilter_sensors_dropped", "Sensors that were given up during a run.", registry=self.registry
        )

    def stored(self, record: RunRecord) -> None:
        """Count one record that was not stored before."""
        if record.phases:
            seconds = record.phases[-1].end_s - record.phases[0].start_s
            self._durations.labels(record.spec.purpose).observe(seconds)
        if record.failure is not None:
            kind = record.failure.kind
            self._failures.labels(kind if kind in _FAILURES else "other").inc()
        if record.sampler is not None:
            self._gaps.observe(record.sampler.worst_gap_s)
            self._dropped.inc(len(record.sampler.dropped))
