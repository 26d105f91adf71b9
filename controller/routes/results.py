"""Results: the metrics of finished runs across all jobs."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from datetime import datetime
from io import BytesIO
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from controller.errors import FieldError, InvalidRequestError
from controller.instants import as_text
from controller.jobs import Page, ResultRow
from controller.problems import responses
from controller.routes.paging import USUAL_LIMIT, Cursor, Limit
from controller.services import ServicesOfApp
from controller.store import ResultFilter
from controller.store.paging import LARGEST_ID
from controller.strict_json import StrictRoute

router = APIRouter(prefix="/v1", tags=["results"], route_class=StrictRoute)

TableFormat = Literal["csv", "parquet", "json"]
_MEDIA_TYPES: dict[TableFormat, str] = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
_CONTENT: dict[int | str, dict[str, Any]] = {200: {"content": {name: {} for name in _MEDIA_TYPES.values()}}}


def _filter(
    *,
    model: Annotated[str | None, Query(description="Only this model, or kind of workload.")] = None,
    method: Annotated[str | None, Query(description="Only variants that use this method.")] = None,
    device: Annotated[str | None, Query(description="Only runs on this device.")] = None,
    metric: Annotated[str | None, Query(description="Only this metric, for example backward.")] = None,
    variant: Annotated[str | None, Query(description="Only the variant of this name.")] = None,
    job: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Only this job.")] = None,
    since: Annotated[datetime | None, Query(description="Only runs that ended then or later; UTC unless said.")] = None,
) -> ResultFilter:
    return ResultFilter(
        model=model,
        method=method,
        device=device,
        metric=metric,
        variant=variant,
        job=None if job is None else str(job),
        since=None if since is None else instant_of(since),
    )


def instant_of(since: datetime) -> str:
    """An instant as the store writes it.

    Raises:
        InvalidRequestError: it lies in no year that has four digits in UTC.
    """
    try:
        return as_text(since)
    except OverflowError as error:
        sentence = f"since must lie between the years 1 and 9999 in UTC, got {since.isoformat()!r}."
        raise InvalidRequestError(sentence, [FieldError("since", sentence)]) from error


Wanted = Annotated[ResultFilter, Depends(_filter)]


@router.get("/results", responses=responses(422), summary="Query results across jobs")
def list_results(
    services: ServicesOfApp, wanted: Wanted, limit: Limit = USUAL_LIMIT, cursor: Cursor = None
) -> Page[ResultRow]:
    """One page of results, one a metric, part and finished run; what ended first comes first."""
    return services.store.results.page(wanted, limit=limit, cursor=cursor)


@router.get(
    "/results.{table_format}",
    response_class=Response,
    responses={**_CONTENT, **responses(422)},
    summary="Download results across jobs",
)
def download_results(table_format: TableFormat, services: ServicesOfApp, wanted: Wanted) -> Response:
    """All results that match, in one table; a variant's methods are joined by '+'."""
    written = _WRITERS[table_format](_table(services.store.results.all(wanted)))
    headers = {"Content-Disposition": f'attachment; filename="results.{table_format}"'}
    return Response(written, media_type=_MEDIA_TYPES[table_format], headers=headers)


def _table(rows: Iterable[ResultRow]) -> pd.DataFrame:
    columns = [column.name for column in fields(ResultRow)]
    table = pd.DataFrame([{**asdict(row), "methods": "+".join(row.methods)} for row in rows], columns=columns)
    return table.astype({"value": "float64", "standard_uncertainty": "float64", "block": "int64"})


def _parquet(table: pd.DataFrame) -> bytes:
    file = BytesIO()
    table.to_parquet(file, index=False)
    return file.getvalue()


_WRITERS: dict[TableFormat, Callable[[pd.DataFrame], str | bytes]] = {
    "csv": lambda table: table.to_csv(index=False, lineterminator="\n"),
    "parquet": _parquet,
    "json": lambda table: table.to_json(orient="records", double_precision=15),
}
