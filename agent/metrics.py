"""What Prometheus reads at /metrics. Each app has its own registry, so that two in one process do not mix."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, ProcessCollector, generate_latest

from agent import VERSION


class Metrics:
    """Counts of ended runs, whether one is active, and the agent's own memory and CPU time."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Info("gradfilter_agent", "The agent.", registry=self._registry).info({"version": VERSION})
        self._ended = Counter("gradfilter_agent_runs", "Runs that ended.", ["state"], registry=self._registry)
        self._active = Gauge("gradfilter_agent_run_active", "1 while a run is active.", registry=self._registry)

    def watch(self, is_active: Callable[[], bool]) -> None:
        """Ask this whenever the gauge is read."""
        self._active.set_function(lambda: float(is_active()))

    def run_ended(self, state: str) -> None:
        """Count one."""
        self._ended.labels(state).inc()

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
