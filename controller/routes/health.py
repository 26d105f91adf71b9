"""Whether the controller works, for people and for Prometheus."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import get_args

import structlog
from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from controller.jobs import DeviceHealth
from controller.problems import answer, responses
from controller.services import ServicesOfApp
from controller.store import Store

router = APIRouter(tags=["service"])
log = structlog.get_logger()


@dataclass
class Health:
    """The controller is well: its database answers and its scheduler works."""

    status: str = "ok"
    version: str = field(default_factory=partial(version, "gradfilter-bench"))


@router.get("/health", response_model=Health, responses=responses(503), summary="Ask whether the controller is well")
def health(services: ServicesOfApp) -> Health | Response:
    """200 when the database answers and the scheduler works, else 503 with the reason."""
    try:
        services.store.database.ping()
    except SQLAlchemyError:
        log.exception("database_does_not_answer")
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer; the log has the details.")
    if not services.scheduler.is_alive:
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, "the scheduler has ended; its log has the reason, restart it.")
    return Health()


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
    summary="Count jobs, runs and devices for Prometheus",
)
def metrics(services: ServicesOfApp) -> Response:
    """Gauges by state, read from the database at every scrape, and what this controller's runs were like."""
    registry = CollectorRegistry()
    registry.register(_Counts(services.store))
    written = generate_latest(registry) + generate_latest(services.run_metrics.registry)
    return Response(written, media_type=CONTENT_TYPE_LATEST)


class _Counts(Collector):
    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        devices = dict.fromkeys(get_args(DeviceHealth), 0)
        devices |= Counter(device.health for device in self._store.devices.all())
        queue = self._store.counts.queue()
        yield _gauge("gradfilter_jobs", "Jobs by state.", "state", self._store.jobs.count_by_state())
        yield _gauge("gradfilter_runs", "Measured attempts by state.", "state", self._store.runs.count_by_state())
        yield _gauge("gradfilter_devices", "Devices by health.", "health", devices)
        yield GaugeMetricFamily("gradfilter_queue_length", "Jobs that wait for a board.", queue.length)
        yield GaugeMetricFamily("gradfilter_queue_oldest_seconds", "How long the oldest has waited.", queue.oldest_s)
        leased = self._store.counts.leases()
        yield GaugeMetricFamily("gradfilter_leases", "Boards that a job holds.", leased.amount)
        yield GaugeMetricFamily("gradfilter_lease_age_seconds", "Since the oldest was renewed.", leased.oldest_s)


def _gauge(name: str, help_text: str, label: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family
