"""Runs: the raw record of one attempt, and its sensor series."""

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from controller import series
from controller.problems import responses
from controller.services import ServicesOfApp
from controller.strict_json import StrictRoute
from gradfilter.bench.schema import RunRecord

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=StrictRoute)

SeriesFormat = Literal["csv", "parquet", "json"]
_SERIES: dict[SeriesFormat, tuple[str, Callable[[bytes], str | bytes]]] = {
    "csv": ("text/csv", series.to_csv),
    "parquet": ("application/vnd.apache.parquet", bytes),
    "json": ("application/json", series.to_json),
}
_CONTENT: dict[int | str, dict[str, Any]] = {200: {"content": {media_type: {} for media_type, _ in _SERIES.values()}}}


@router.get("/{run_id}", response_model=RunRecord, responses=responses(404), summary="Show a run's record")
def show(run_id: str, services: ServicesOfApp) -> Response:
    """What the run observed, raw, without its series. A run that has not ended has no record yet."""
    return JSONResponse(services.store.records.document(run_id))


@router.get(
    "/{run_id}/series.{series_format}",
    response_class=Response,
    responses={**_CONTENT, **responses(404, 422)},
    summary="Get a run's sensor series",
)
def show_series(run_id: str, series_format: SeriesFormat, services: ServicesOfApp) -> Response:
    """All readings of all channels, one a row, on the board's monotonic clock."""
    media_type, write = _SERIES[series_format]
    headers = {"Content-Disposition": f'attachment; filename="{run_id}.{series_format}"'}
    return Response(write(services.store.records.series(run_id)), media_type=media_type, headers=headers)
