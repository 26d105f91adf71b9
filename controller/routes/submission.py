"""The form that submits a job. It works without a script: every button sends the form and gets a page back."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from controller.dashboard.job_form import (
    JobForm,
    job_document,
    job_form,
    more_variants,
    starting_values,
    with_errors,
    without_variant,
)
from controller.dashboard.pages import missing_page, new_job_page
from controller.documents import JOB_SPEC
from controller.errors import FieldError, InvalidRequestError
from controller.jobs import DeviceView
from controller.problems import field_errors
from controller.routes.pages import page
from controller.services import CallerOfRequest, Services, ServicesOfApp
from controller.strict_json import StrictRoute

router = APIRouter(include_in_schema=False, route_class=StrictRoute)

_MOST_FIELDS = 2000


async def _typed(request: Request) -> dict[str, str]:
    """The form as it was sent, by field name."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        sentence = f"a form may have at most {_MOST_FIELDS} fields."
        raise InvalidRequestError(sentence, [FieldError("body", sentence)]) from error


Typed = Annotated[dict[str, str], Depends(_typed)]


@router.get("/jobs/new")
def empty_form(services: ServicesOfApp, device: str = "") -> HTMLResponse:
    """The form for a board: the one that is named, or the first that can be given a job."""
    boards = _able(services)
    chosen = next((board for board in boards if not device or board.name == device), None)
    if chosen is None or chosen.description is None or chosen.description.worker is None:
        return page(missing_page(_why_no_form(device)), HTTPStatus.NOT_FOUND)
    worker = chosen.description.worker
    return _show(job_form(chosen, worker, starting_values(worker)), boards)


@router.post("/jobs/new")
async def send_form(typed: Typed, services: ServicesOfApp, caller: CallerOfRequest) -> Response:
    """Queue the job and go to its page; or show the form again, changed, or with what is wrong in it."""
    boards = await asyncio.to_thread(_able, services)
    chosen = next((board for board in boards if board.name == typed.get("device")), None)
    if chosen is None or chosen.description is None or chosen.description.worker is None:
        return page(missing_page(_why_no_form(typed.get("device", ""))), HTTPStatus.NOT_FOUND)
    form = job_form(chosen, chosen.description.worker, _acted(typed))
    if typed.get("act", "queue") != "queue":
        return _show(form, boards)
    try:
        spec = JOB_SPEC.validate_python(job_document(form))
        job = await services.submissions.submit(spec, user=caller.user)
    except ValidationError as error:
        return _show(with_errors(form, field_errors(error.errors())), boards, HTTPStatus.UNPROCESSABLE_ENTITY)
    except InvalidRequestError as error:
        return _show(with_errors(form, error.errors), boards, HTTPStatus.UNPROCESSABLE_ENTITY)
    return RedirectResponse(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)


def _acted(typed: Mapping[str, str]) -> Mapping[str, str]:
    """What was typed, after a button that adds or removes a variant."""
    act, _, number = typed.get("act", "").partition(" ")
    if act == "add":
        return more_variants(typed, typed.get("method", ""))
    return without_variant(typed, number) if act == "remove" else typed


def _able(services: Services) -> list[DeviceView]:
    """The boards whose worker has said what it offers."""
    return [board for board in services.store.devices.all() if board.description and board.description.worker]


def _why_no_form(device: str) -> str:
    which = f"there is no device {device[:120]!r} whose worker" if device else "no worker"
    return f"{which} has said what it offers yet; register a board with gradfilter devices add NAME URL."


def _show(form: JobForm, boards: list[DeviceView], status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    others = [board.name for board in boards if board.name != form.device]
    return page(new_job_page(form, others), status)
