"""Pages across jobs: results with filters, two variants side by side, a quantity over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from controller.analysis.metrics import METRICS, Metric
from controller.analysis.noise_floor import workload_class
from controller.analysis.pareto import COSTS, QUALITIES
from controller.dashboard.explore_pages import compare_page, history_page, results_page
from controller.dashboard.history import history
from controller.dashboard.pages import missing_page
from controller.dashboard.pareto import ParetoPlot, pareto_plot
from controller.dashboard.results import Side, compare_sides, result_lines, side_of
from controller.dashboard.turns import turns
from controller.documents import RUN_RECORD
from controller.errors import FieldError, InvalidRequestError, NotFoundError
from controller.routes.pages import page
from controller.routes.results import instant_of
from controller.services import Services, ServicesOfApp
from controller.store import JobValues, ResultFilter

router = APIRouter(include_in_schema=False)

_JOBS_A_PAGE = 25
_MOST_POINTS = 100
_USUAL_METRIC = "step_time"
_TWO = 2


@dataclass(frozen=True)
class Filters:
    """What a page's form was filled in with; '' takes all."""

    metric: Metric
    device: str
    model: str
    method: str
    variant: str
    since: str

    @property
    def wanted(self) -> ResultFilter:
        """The same for the store."""
        return ResultFilter(
            model=self.model or None,
            method=self.method or None,
            device=self.device or None,
            variant=self.variant or None,
            since=_day(self.since) if self.since else None,
        )

    def address(self, **changes: str) -> str:
        """The query of the same page with changes."""
        given = {name: getattr(self, name) for name in ("device", "model", "method", "variant", "since")}
        return urlencode(
            {name: text for name, text in {"metric": self.metric.name, **given, **changes}.items() if text}
        )


def _filters(  # noqa: PLR0917 - FastAPI passes them by name
    metric: str = _USUAL_METRIC, device: str = "", model: str = "", method: str = "", variant: str = "", since: str = ""
) -> Filters:
    known = METRICS.get(metric, METRICS[_USUAL_METRIC])
    return Filters(known, device, model, method, variant, since)


Asked = Annotated[Filters, Depends(_filters)]


@router.get("/results")
def results(services: ServicesOfApp, asked: Asked, cursor: str | None = None) -> HTMLResponse:
    """The variants of all jobs that measured a metric, newest first."""
    try:
        found = services.store.job_results.page(
            asked.wanted, metric=asked.metric.name, limit=_JOBS_A_PAGE, cursor=cursor
        )
    except InvalidRequestError as error:
        return page(missing_page(str(error)), HTTPStatus.UNPROCESSABLE_ENTITY)
    older = asked.address(cursor=found.next) if found.next else ""
    lines, pareto = result_lines(asked.metric, found.items), _pareto(services, asked.metric, found.items)
    return page(results_page(asked, lines, pareto, _choices(services), older))


@router.get("/compare")
def compare(services: ServicesOfApp, pick: Annotated[list[str] | None, Query()] = None) -> HTMLResponse:
    """Two variants of any jobs, each picked as JOB:VARIANT."""
    picked = list(dict.fromkeys(pick or []))
    if len(picked) != _TWO:
        sentence = f"two results can be compared, and {len(picked)} were picked; go back and pick two."
        return page(missing_page(sentence, "Nothing to compare"), HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        own, other = (_side(services, *one.partition(":")[::2]) for one in picked)
    except NotFoundError as error:
        return page(missing_page(str(error)), HTTPStatus.NOT_FOUND)
    # The older one is what the other is set against.
    sides = (own, other) if _age(own) > _age(other) else (other, own)
    return page(compare_page(compare_sides(*sides)))


@router.get("/history")
def over_time(services: ServicesOfApp, asked: Asked) -> HTMLResponse:
    """A metric of one variant on one device, job after job; what is not said yet is taken from what there is."""
    choices = _choices(services)
    device = asked.device or next(iter(choices["device"]), "")
    model = asked.model or next(iter(choices["model"]), "")
    variants = services.store.job_results.variants(device, model)
    variant = asked.variant if asked.variant in variants else next(iter(variants), "")
    wanted = ResultFilter(model=model, device=device, variant=variant)
    found = services.store.job_results.page(wanted, metric=asked.metric.name, limit=_MOST_POINTS)
    shown = Filters(asked.metric, device, model, "", variant, "")
    classes = {workload_class(one.job.spec.workload) for one in found.items}
    noise = {name: services.store.controls.noise(device, name) for name in classes}
    turned = turns(asked.metric, variant, found.items, noise, services.store.marks.of_device(device))
    drawn = history(asked.metric, variant, found.items)
    return page(history_page(shown, drawn, turned, {**choices, "variant": variants}))


def _day(text: str) -> str:
    """The beginning of a day, or an instant, as the store writes it.

    Raises:
        InvalidRequestError: it is neither.
    """
    try:
        return instant_of(datetime.fromisoformat(text))
    except ValueError as error:
        sentence = f"since must be a day like 2026-03-01, got {text[:40]!r}."
        raise InvalidRequestError(sentence, [FieldError("since", sentence)]) from error


def _choices(services: Services) -> dict[str, list[str]]:
    """What the filters offer."""
    found = services.store.job_results
    return {"device": services.store.devices.names(), "model": found.models(), "method": found.methods()}


def _side(services: Services, job_id: str, name: str) -> Side:
    """A variant of a job with its results.

    Raises:
        NotFoundError: there is no such job or variant, or it has no finished run.
    """
    job = services.store.jobs.get(job_id)
    variant = next((variant for variant in job.spec.variants if variant.name == name), None)
    rows = list(services.store.results.all(ResultFilter(job=job.id, variant=name)))
    if variant is None or not rows:
        raise NotFoundError(f"job {job.id} has no finished run of a variant {name[:120]!r}.")
    record = RUN_RECORD.validate_python(services.store.records.document(rows[0].run_id))
    return side_of(job, variant, rows, record)


def _pareto(services: Services, metric: Metric, listed: Sequence[JobValues]) -> ParetoPlot | None:
    """Quality against the metric that was asked for, or against step time where that is no cost."""
    cost = metric if metric.name in COSTS else METRICS[_USUAL_METRIC]
    found, jobs = services.store.job_results, [one.job for one in listed]
    costs = listed if cost is metric else found.of_jobs(jobs, cost.name)
    return pareto_plot(cost, costs, {name: found.of_jobs(jobs, name) for name in QUALITIES})


def _age(side: Side) -> tuple[int, int]:
    """In the order of jobs, then of variants in the job."""
    names = [variant.name for variant in side.job.spec.variants]
    return int(side.job.id), names.index(side.variant.name)
