"""Jobs: submit, list, follow and cancel them, and list their runs."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from controller.documents import JOB_VIEW
from controller.jobs import FINAL_JOB_STATES, JobState, JobView, Page, RunSummary
from controller.problems import responses
from controller.routes.examples import JOBS
from controller.routes.paging import USUAL_LIMIT, Cursor, Limit
from controller.services import CallerOfRequest, ServicesOfApp
from controller.store import StoredJob
from controller.store.paging import LARGEST_ID
from controller.strict_json import StrictRoute
from gradfilter.bench.schema import JobSpec, Trace

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute)


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(413, 422), summary="Submit a job")
async def submit(
    spec: Annotated[JobSpec, Body(openapi_examples=JOBS)],
    services: ServicesOfApp,
    caller: CallerOfRequest,
    response: Response,
) -> JobView:
    """Queue a job. It is checked against what the boards describe; a job that no board could run is refused.

    A job for all boards of a kind becomes one for each; the first is answered, and `series` finds the others.

    What only the built model can tell is checked by a preparation on the board, before any measured run.
    """
    job = await services.submissions.submit(spec, user=caller.user)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get("", responses=responses(422), summary="List jobs, newest first")
def list_jobs(
    services: ServicesOfApp,
    *,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    device: Annotated[str | None, Query(description="Only jobs on this device.")] = None,
    model: Annotated[str | None, Query(description="Only jobs with this model, or kind of workload.")] = None,
    suite: Annotated[str | None, Query(description="Only jobs of this suite.")] = None,
    series: Annotated[
        int | None, Query(ge=1, le=LARGEST_ID, description="Only jobs submitted together with this one.")
    ] = None,
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
) -> Page[JobView]:
    """One page of jobs with their progress."""
    filters = {"state": state, "device": device, "model": model, "suite": suite}
    found = services.store.jobs.page(**filters, series=series, limit=limit, cursor=cursor)
    return Page(items=services.views.many(found.items), next=found.next)


@router.get("/{job_id}", responses=responses(404), summary="Show a job")
def show(job_id: str, services: ServicesOfApp) -> JobView:
    """A job with its progress."""
    return services.views.one(job_id)


@router.post("/{job_id}/cancel", responses=responses(404, 409), summary="Cancel a job")
def cancel(job_id: str, services: ServicesOfApp) -> JobView:
    """Cancel a job at once; a run on its board is stopped and keeps what it measured. Twice is the same as once."""
    services.cancel(job_id)
    return services.views.one(job_id)


def _known_job(job_id: str, services: ServicesOfApp) -> StoredJob:
    """Looked up before the stream begins, so that an unknown job is still a 404."""
    return services.store.jobs.get(job_id)


@router.get(
    "/{job_id}/events",
    response_class=EventSourceResponse,
    responses=responses(404),
    summary="Follow a job",
)
async def events(
    job: Annotated[StoredJob, Depends(_known_job)], services: ServicesOfApp
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events named `job`, each with the job as `GET /v1/jobs/{id}` shows it.

    One comes at once, then one at every change; the stream ends after a final state, or when the service stops.
    """
    with services.live.watch(job.id) as changed:
        while not services.live.has_ended:
            changed.clear()
            view = await asyncio.to_thread(services.views.one, job.id)
            yield ServerSentEvent(event="job", raw_data=JOB_VIEW.dump_json(view).decode())
            if view.state in FINAL_JOB_STATES:
                return
            await changed.wait()


@router.get("/{job_id}/trace", responses=responses(404), summary="Show what a job's board shows now")
def show_trace(job: Annotated[StoredJob, Depends(_known_job)], services: ServicesOfApp) -> Trace:
    """Power, temperature and step time of the last quarter of an hour, a point a second; empty once the job is over."""
    return services.live.trace(job.id)


@router.get("/{job_id}/runs", responses=responses(404, 422), summary="List a job's runs")
def list_runs(
    job_id: str, services: ServicesOfApp, limit: Limit = USUAL_LIMIT, cursor: Cursor = None
) -> Page[RunSummary]:
    """One page of a job's attempts, preparations and lost ones included, in the order in which they were started."""
    job = services.store.jobs.get(job_id)
    return services.store.runs.page(job.id, limit=limit, cursor=cursor)
