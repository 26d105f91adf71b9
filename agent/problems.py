"""Errors as RFC 9457 problem documents: every refusal, known or not, has one shape and one sentence."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from agent.errors import AgentError

_log = logging.getLogger(__name__)
_MOST_ERRORS = 50  # a body may be wrong in a hundred thousand places


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []


class ProblemResponse(JSONResponse):
    """A problem document on the wire."""

    media_type = "application/problem+json"


def problem(
    status: int,
    title: str,
    detail: str,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The response for a problem."""
    document = Problem(title=title, status=status, detail=detail, errors=errors or [])
    content = document.model_dump(exclude=set() if errors else {"errors"})
    return ProblemResponse(content, status_code=status, headers=dict(headers or {}))


def answer_with_problems(app: FastAPI) -> None:
    """Have the app answer every error with a problem document."""

    @app.exception_handler(AgentError)
    def _refused(_: Request, error: AgentError) -> ProblemResponse:
        return problem(error.status, error.title, str(error))

    @app.exception_handler(RequestValidationError)
    def _malformed(_: Request, error: RequestValidationError) -> ProblemResponse:
        errors = [_field_error(one) for one in error.errors()[:_MOST_ERRORS]]
        detail = "; ".join(f"{one.field}: {one.message}" if one.field else one.message for one in errors)
        return problem(422, "the request does not fit", detail, errors)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> ProblemResponse:
        detail = (
            f"{request.method} {request.url.path}: {str(error.detail).lower()}. The API is described at /openapi.json."
        )
        return problem(error.status_code, HTTPStatus(error.status_code).phrase.lower(), detail, headers=error.headers)

    @app.exception_handler(Exception)
    def _unforeseen(request: Request, error: Exception) -> ProblemResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(500, "the agent failed", "an error that nobody foresaw; the agent's log has its traceback.")


def _field_error(error: Mapping[str, Any]) -> FieldError:
    # loc is ("body", "workload", "training", "batch_size"), or ("header", "X-Lease-Token").
    where = [str(part) for part in error["loc"] if part != "body"]
    return FieldError(field=".".join(where), message=str(error["msg"]).removeprefix("Value error, "))
