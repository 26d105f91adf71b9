"""The dashboard: pages for people, at / and /jobs/{id}; the REST interface has everything they show."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

from controller.dashboard.pages import CONTENT_SECURITY_POLICY, STATIC, job_page, missing_page, overview_page
from controller.errors import NotFoundError
from controller.jobs import FINAL_JOB_STATES, JobState, JobView
from controller.services import Services, ServicesOfApp

router = APIRouter(include_in_schema=False)

_MOST_WAITING = 50
_MOST_RECENT = 20
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The page's script asks for the page again at every change and must not get an old one.
    "Cache-Control": "no-store",
}
_FILES = {path.name: path for path in STATIC.iterdir()}


@router.get("/")
def overview(services: ServicesOfApp) -> HTMLResponse:
    """The lab: boards, queue and recent jobs."""
    queued = services.views.many(services.store.jobs.queued()[:_MOST_WAITING])
    waiting = [*_newest(services, ("running",), _MOST_WAITING), *queued]
    recent = _newest(services, FINAL_JOB_STATES, _MOST_RECENT)
    return _page(overview_page(services.store.devices.all(), waiting, recent))


@router.get("/jobs/{job_id}")
def job(job_id: str, services: ServicesOfApp) -> HTMLResponse:
    """One job with its runs."""
    try:
        view = services.views.one(job_id)
    except NotFoundError as error:
        return _page(missing_page(str(error)), HTTPStatus.NOT_FOUND)
    return _page(job_page(view, services.store.runs.of_job(view.id)))


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """The style sheet, the script and the icon."""
    if name not in _FILES:
        raise NotFoundError(f"there is no file {name[:120]!r} in the dashboard.")
    return FileResponse(_FILES[name], headers=_HEADERS)


def _newest(services: Services, states: tuple[JobState, ...], most: int) -> list[JobView]:
    """The newest jobs in these states, newest first."""
    jobs = services.store.jobs
    pages = [jobs.page(state=state, device=None, model=None, limit=most, cursor=None) for state in states]
    found = sorted((job for page in pages for job in page.items), key=lambda job: int(job.id), reverse=True)
    return services.views.many(found[:most])


def _page(html: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    return HTMLResponse(html, status_code=status, headers=_HEADERS)
