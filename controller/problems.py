"""Every error as an RFC 9457 problem document: one table from exception to status, one shape for all."""

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from controller.errors import AgentError, ConflictError, FieldError, InvalidRequestError, NotFoundError, ServiceError

MEDIA_TYPE = "application/problem+json"
STATUS: dict[type[ServiceError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    InvalidRequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    AgentError: HTTPStatus.BAD_GATEWAY,
}

# The schema's own checks begin their sentence with the field's name.
_NAMED = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_VALUE_ERROR = "Value error, "
_MOST_ERRORS = 50  # a body may be wrong in a hundred thousand places

# What SQLite says, and what that means to whoever asked for a change.
_DATABASE_TROUBLE = {
    "database is locked": "another process holds the database, so nothing was changed; try again in a moment.",
    "disk is full": "the controller's disk is full, so nothing was changed; free some space and try again.",
    "unable to open": "the controller cannot open its database; its log has the details.",
    "disk I/O error": "the controller's disk does not read or write; its log has the details.",
}
_RETRY = {"Retry-After": "10"}

log = structlog.get_logger()


@dataclass
class Problem:
    """An error as RFC 9457 writes it; errors names the fields at fault."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"
    errors: list[FieldError] = field(default_factory=list)


def install(app: FastAPI) -> None:
    """Let the application answer every error with a problem document."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OperationalError, _database_trouble)
    app.add_exception_handler(Exception, _defect)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route documents: these statuses, each with a problem document."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Pydantic's errors with dotted paths and sentences that say what was given; of very many the first."""
    shown = [_field_error(error) for error in errors[:_MOST_ERRORS]]
    if left := len(errors) - len(shown):
        shown.append(FieldError("body", f"{left} more errors like these."))
    return shown


def answer(
    status: int, detail: str, errors: Sequence[FieldError] = (), headers: dict[str, str] | None = None
) -> JSONResponse:
    """A problem document as a response."""
    problem = asdict(Problem(HTTPStatus(status).phrase, int(status), detail, errors=list(errors)))
    if not errors:
        del problem["errors"]
    return JSONResponse(problem, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def _service_error(_request: Request, error: Exception) -> JSONResponse:
    status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
    return answer(status, str(error), getattr(error, "errors", ()))


def _invalid_request(_request: Request, error: Exception) -> JSONResponse:
    errors = field_errors(error.errors()) if isinstance(error, RequestValidationError) else []
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors)
    return answer(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    status, headers = HTTPStatus.INTERNAL_SERVER_ERROR, None
    if isinstance(error, HTTPException):
        status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    details = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}; /docs lists what there is.",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not possible at {request.url.path}.",
    }
    return answer(status, details.get(status, str(getattr(error, "detail", ""))), headers=headers)


def _database_trouble(request: Request, error: Exception) -> JSONResponse:
    cause = getattr(error, "orig", error)
    reason = str(cause)  # without the statement and what it was given
    sentence = next((sentence for words, sentence in _DATABASE_TROUBLE.items() if words in reason), "")
    if not sentence and isinstance(cause, sqlite3.Error):
        return _defect(request, error)  # SQLite calls a missing table operational, too
    log.error("database_does_not_answer", method=request.method, path=request.url.path, reason=reason)
    unknown = "the database does not answer; the controller's log has the details."
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, sentence or unknown, headers=_RETRY)


def _defect(request: Request, error: Exception) -> JSONResponse:
    log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "the controller failed to answer; its log has the details.")


def _field_error(error: dict[str, Any]) -> FieldError:
    kind, message, given = error["type"], error["msg"], error.get("input")
    path = _path(error["loc"])
    if kind == "json_invalid" or isinstance(given, bytes):
        return _unreadable_body(error)
    if kind.startswith("union_tag_"):
        return _unknown_kind(path, error["ctx"])
    if kind == "value_error":
        sentence = message.removeprefix(_VALUE_ERROR)
        return FieldError(_join(path, sentence), sentence)
    if kind in ("missing", "missing_argument"):
        return FieldError(".".join(path) or "body", "is required.")
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return FieldError(".".join(path), "there is no such field; check its spelling.")
    shown = "" if isinstance(given, dict | list) else f", got {given!r:.120}"
    return FieldError(".".join(path) or "body", f"{message[:1].lower()}{message[1:]}{shown}.")


def _unreadable_body(error: dict[str, Any]) -> FieldError:
    """The body is not JSON, or is not declared as such: then FastAPI hands on its bytes."""
    if error["type"] == "json_invalid":
        return FieldError("body", f"the body is not JSON: {error['ctx']['error']}.")
    return FieldError("body", "the body was not read; send JSON with the header Content-Type: application/json.")


def _unknown_kind(path: Sequence[str], context: dict[str, str]) -> FieldError:
    """The field that tells the members of a union apart is missing, or names none of them."""
    field = ".".join([*path, context["discriminator"].strip("'")])
    if "tag" not in context:
        return FieldError(field, "is required.")
    return FieldError(field, f"must be one of {context['expected_tags']}, got {context['tag']!r:.120}.")


def _path(location: Sequence[str | int]) -> list[str]:
    """Where in the request: without FastAPI's 'body' and without the tag of a union, which no user wrote."""
    parts = [str(part) for part in location]
    if parts[:1] in (["body"], ["query"], ["path"]):
        parts = parts[1:]
    if len(parts) > 1 and parts[0] == "workload" and parts[1] in ("training", "conv_layer", "systolic"):
        del parts[1]
    return parts


def _join(path: list[str], sentence: str) -> str:
    """The field that a check's sentence names, below the place where the check was made."""
    found = _NAMED.match(sentence)
    named = found.group(0).split(".") if found else []
    last = next((part for part in reversed(path) if not part.isdigit()), None)
    if named[:1] == [last]:
        named = named[1:]
    return ".".join([*path, *named]) or "body"
