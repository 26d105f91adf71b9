"""Artefacts: what a job's runs left for people, such as profiles."""

from fastapi import APIRouter
from fastapi.responses import Response

from controller.jobs import ArtefactView
from controller.problems import responses
from controller.services import ServicesOfApp

router = APIRouter(prefix="/v1", tags=["artefacts"])

_HEADERS = {
    # Whatever a board wrote is saved by a browser and never shown as a page of this site.
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@router.get("/jobs/{job_id}/artefacts", responses=responses(404), summary="List a job's artefacts")
def list_artefacts(job_id: str, services: ServicesOfApp) -> list[ArtefactView]:
    """The files of all of a job's runs."""
    return services.store.artefacts.of_job(services.store.jobs.get(job_id).id)


@router.get(
    "/runs/{run_id}/artefacts/{name}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, **responses(404)},
    summary="Get an artefact",
)
def get_artefact(run_id: str, name: str, services: ServicesOfApp) -> Response:
    """One file, as the board wrote it."""
    content = services.store.artefacts.content(run_id, name)
    disposition = {"Content-Disposition": f'attachment; filename="{run_id}-{name}"'}
    return Response(content, media_type="application/octet-stream", headers={**_HEADERS, **disposition})
