"""Devices: register boards, see what they are, keep jobs away from them, forget them."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Body, Response

from controller.jobs import DeviceChange, DeviceView, NewDevice, Page
from controller.problems import responses
from controller.routes.examples import DEVICE_CHANGES, NEW_DEVICES
from controller.routes.paging import USUAL_LIMIT, Cursor, Limit
from controller.services import Services, ServicesOfApp
from controller.strict_json import StrictRoute

router = APIRouter(prefix="/v1/devices", tags=["devices"], route_class=StrictRoute)


@router.post("", status_code=HTTPStatus.CREATED, responses=responses(409, 413, 422), summary="Register a device")
async def register(
    device: Annotated[NewDevice, Body(openapi_examples=NEW_DEVICES)], services: ServicesOfApp, response: Response
) -> DeviceView:
    """Register a board by the address of its agent, which is asked for its description.

    A board that does not answer is registered as offline with the reason, and asked again from time to time.
    """
    await asyncio.to_thread(services.store.devices.add, device)
    response.headers["Location"] = f"/v1/devices/{device.name}"
    return await _look_again(device.name, services)


@router.get("", responses=responses(422), summary="List devices")
def list_devices(services: ServicesOfApp, limit: Limit = USUAL_LIMIT, cursor: Cursor = None) -> Page[DeviceView]:
    """One page of boards by name, each with its agent's description."""
    return services.store.devices.page(limit=limit, cursor=cursor)


@router.get("/{name}", responses=responses(404), summary="Show a device")
def show(name: str, services: ServicesOfApp) -> DeviceView:
    """A board as its agent last described it."""
    return services.store.devices.get(name)


@router.patch("/{name}", responses=responses(404, 413, 422), summary="Change a device")
async def change(
    name: str, change: Annotated[DeviceChange, Body(openapi_examples=DEVICE_CHANGES)], services: ServicesOfApp
) -> DeviceView:
    """Change a board's address or tags, or put it into or out of maintenance; then its agent is asked again."""
    await asyncio.to_thread(services.store.devices.change, name, change)
    return await _look_again(name, services)


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses=responses(404, 409), summary="Forget a device")
def remove(name: str, services: ServicesOfApp) -> None:
    """Forget a board; its runs stay. A board that a job holds cannot be forgotten."""
    services.store.devices.remove(name)
    services.live.all_changed()


async def _look_again(name: str, services: Services) -> DeviceView:
    """The board after its agent was asked; the queue may want it."""
    device = await asyncio.to_thread(services.store.devices.get, name)
    if device.job is None:
        await services.scheduler.look_at(device)
    services.scheduler.wake()
    services.live.all_changed()
    return await asyncio.to_thread(services.store.devices.get, name)
