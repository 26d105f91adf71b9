"""The dashboard: pages for people, at / and /jobs/{id}; the REST interface has everything they show."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from controller.dashboard.pages import STATIC, job_page, missing_page, overview_page
from controller.errors import ConflictError, NotFoundError
from controller.jobs import FINAL_JOB_STATES, JobState
from controller.routes.pages import HEADERS, page
from controller.services import Services, ServicesOfApp
from controller.store import StoredJob

router = APIRouter(include_in_schema=False)

_MOST_WAITING = 50
_MOST_RECENT = 20
_FILES = {path.name: path for path in STATIC.iterdir()}


@router.get("/")
def overview(services: ServicesOfApp) -> HTMLResponse:
    """The lab: boards, queue and recent jobs."""
    devices = services.store.devices.all()
    queued = services.store.jobs.queued(_MOST_WAITING)
    waiting = services.views.many([*_newest(services, ("running",), _MOST_WAITING), *queued], devices)
    recent = services.views.many(_newest(services, FINAL_JOB_STATES, _MOST_RECENT), devices)
    return page(overview_page(devices, waiting, recent))


@router.get("/jobs/{job_id}")
def job(job_id: str, services: ServicesOfApp) -> HTMLResponse:
    """One job with its runs."""
    try:
        view = services.views.one(job_id)
    except NotFoundError as error:
        return page(missing_page(str(error)), HTTPStatus.NOT_FOUND)
    runs, left = services.store.runs.of_job(view.id), services.store.artefacts.of_job(view.id)
    boards = services.store.jobs.size_of_series(view.series)
    return page(job_page(view, runs, services.live.trace(view.id), left, boards))


@router.post("/jobs/{job_id}/cancel")
def cancel(job_id: str, services: ServicesOfApp) -> Response:
    """The button that stops a job; a job that has just ended by itself stays as it is."""
    try:
        services.cancel(job_id)
    except NotFoundError as error:
        return page(missing_page(str(error)), HTTPStatus.NOT_FOUND)
    except ConflictError:
        pass
    return RedirectResponse(f"/jobs/{job_id}", HTTPStatus.SEE_OTHER)


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """The style sheet, the script and the icon."""
    if name not in _FILES:
        raise NotFoundError(f"there is no file {name[:120]!r} in the dashboard.")
    return FileResponse(_FILES[name], headers=HEADERS)


def _newest(services: Services, states: tuple[JobState, ...], most: int) -> list[StoredJob]:
    """The newest jobs in these states, newest first."""
    jobs = services.store.jobs
    pages = [jobs.page(state=state, device=None, model=None, limit=most, cursor=None) for state in states]
    found = sorted((job for page in pages for job in page.items), key=lambda job: int(job.id), reverse=True)
    return found[:most]
