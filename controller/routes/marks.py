"""Marks: what the lab changed about a device, so that its history and its noise floor begin anew."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body

from controller.jobs import DeviceMark, NewMark
from controller.problems import responses
from controller.services import ServicesOfApp
from controller.strict_json import StrictRoute

router = APIRouter(prefix="/v1/devices", tags=["devices"], route_class=StrictRoute)
_EXAMPLES = {"cooling": {"summary": "Another cooler", "value": {"what": "a fan instead of a heat sink"}}}


@router.post(
    "/{name}/marks", status_code=HTTPStatus.CREATED, responses=responses(404, 413, 422), summary="Mark a device"
)
def mark(name: str, new: Annotated[NewMark, Body(openapi_examples=_EXAMPLES)], services: ServicesOfApp) -> DeviceMark:
    """Write down that something about a board was changed: what it measured before is no measure of it any more."""
    device = services.store.devices.get(name)
    return services.store.marks.add(device.name, new.what)


@router.get("/{name}/marks", responses=responses(404), summary="List a device's marks")
def list_marks(name: str, services: ServicesOfApp) -> list[DeviceMark]:
    """The board's marks, oldest first."""
    return services.store.marks.of_device(services.store.devices.get(name).name)
