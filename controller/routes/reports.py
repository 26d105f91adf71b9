"""Reports: a job's comparison, judged anew from its raw records, in every format."""

from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from controller.analysis.verdicts import Comparison
from controller.comparing import judge, judge_across
from controller.problems import responses
from controller.report import CHARTS, FORMATS
from controller.services import ServicesOfApp

router = APIRouter(prefix="/v1/jobs", tags=["reports"])

# The formats are the report's own tables; listing them again here would make two.
_WRITTEN = FORMATS | CHARTS
ReportFormat = Enum("ReportFormat", {name: name for name in _WRITTEN}, type=str)  # type: ignore[misc]
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"model": Comparison, "content": {written.media_type: {} for written in _WRITTEN.values()}}
}


@router.get(
    "/{job_id}/report.{report_format}",
    response_class=Response,
    responses={**_CONTENT, **responses(404, 422)},
    summary="Get a job's comparison",
)
def report(
    job_id: str,
    report_format: ReportFormat,
    services: ServicesOfApp,
    *,
    across: Annotated[bool, Query(description="With the same job on the other boards it was submitted for.")] = False,
) -> Response:
    """Every variant against the baseline, from the runs there are; a job that goes on is judged as far as it is.

    svg.zip and png.zip hold its charts, a file each.
    """
    job = services.store.jobs.get(job_id)
    comparison = (judge_across if across else judge)(services.store, job)
    written = _WRITTEN[report_format.value]
    return Response(written.render(comparison), media_type=written.media_type)
