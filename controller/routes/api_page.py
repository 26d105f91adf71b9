"""The REST interface as a page, written from its OpenAPI document, without a script and without another host."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from controller.dashboard.pages import api_page
from controller.routes.pages import page

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def describe(request: Request) -> HTMLResponse:
    """Every operation with its parameters and examples."""
    return page(api_page(request.app.openapi()))
