"""The application: the parts of the controller, put together and taken apart again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from http import HTTPStatus
from importlib.metadata import version
from socket import AF_UNIX, SOCK_DGRAM, socket
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter
from systemd_watchdog.systemd_watchdog import WatchDog

from controller import problems
from controller.access.board_tokens import BoardTokens
from controller.access.guard import Guard, needed_scope
from controller.access.headers import SecurityHeaders
from controller.access.rate import RateLimit
from controller.agent_client import AgentClient
from controller.live import Live
from controller.mailbox import Mailbox
from controller.routes import (
    api_page,
    artefacts,
    checks,
    dashboard,
    devices,
    explore,
    health,
    jobs,
    login,
    marks,
    reports,
    results,
    runs,
    submission,
)
from controller.routes import mailbox as mailbox_of_boards
from controller.run_metrics import RunMetrics
from controller.scheduler import Scheduler
from controller.services import Services
from controller.settings import Settings
from controller.store import Store
from controller.submissions import Submissions
from controller.views import JobViews

API = (
    jobs.router,
    reports.router,
    runs.router,
    results.router,
    artefacts.router,
    devices.router,
    mailbox_of_boards.router,
    checks.router,
    marks.router,
    health.router,
)
PAGES = (
    api_page.router,
    login.router,
    submission.router,
    dashboard.router,
    explore.router,
)  # the form before /jobs/{id}, which would take "new" for a job

_OTHER_PROBLEM = "HTTPValidationError"

_DESCRIPTION = """
Measures what efficient CNN training methods cost on edge boards: time, energy, memory and accuracy against plain
training, on the same board.

Submit a job, follow its events, read its report. Lists come in pages: pass `next` as `cursor` to get the page after.
Every error is a problem document (RFC 9457); `errors` names the fields at fault.
"""


def create_app(settings: Settings) -> FastAPI:
    """The controller as an application. Nothing is opened before it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _services(settings) as services:
            app.state.services = services
            with closing(socket(AF_UNIX, SOCK_DGRAM)) as messenger:
                alive = asyncio.create_task(_tell_systemd(WatchDog(messenger)))
                yield
                alive.cancel()

    app = FastAPI(
        title="Gradient filter benchmark controller",
        version=version("gradfilter-bench"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # its page asks other hosts for its script; api_page has our own
        redoc_url=None,
    )
    app.add_middleware(Guard)
    app.add_middleware(RateLimit, per_s=settings.requests_per_s)
    app.add_middleware(SecurityHeaders)
    problems.install(app)
    for router in (*API, *PAGES):
        app.include_router(router)
    _describe_problems(app)
    return app


async def _tell_systemd(watchdog: WatchDog) -> None:
    """Say that the service is ready, and that it lives for as long as this loop turns; nothing without systemd."""
    watchdog.ready()
    while watchdog.is_enabled:
        watchdog.notify()
        await asyncio.sleep(watchdog.timeout_td.total_seconds() / 3)


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    """The running parts; on leaving, runs on boards go on and are picked up by the next start."""
    run_metrics = RunMetrics()
    store = Store(settings.database, on_record=run_metrics.stored)
    tokens = BoardTokens.kept_in(settings.board_key)
    mailbox = Mailbox(store.letters, largest_answer=settings.largest_record_bytes)
    agents = AgentClient(
        timeout_s=settings.timeout_s,
        tokens=tokens,
        mailbox=mailbox,
        ca_file=settings.agent_ca,
        largest_answer=settings.largest_record_bytes,
    )
    live = Live()
    scheduler = Scheduler(store, agents, live, settings)
    views = JobViews(store, live)
    try:
        await asyncio.to_thread(store.database.migrate)
        scheduler.start()
        yield Services(
            store=store,
            live=live,
            views=views,
            agents=agents,
            scheduler=scheduler,
            submissions=Submissions(store, views, scheduler.wake),
            run_metrics=run_metrics,
            mailbox=mailbox,
            board_tokens=tokens,
        )
    finally:
        await scheduler.stop()
        await agents.close()
        await asyncio.to_thread(store.close)


def _describe_problems(app: FastAPI) -> None:
    """Let OpenAPI tell of problem documents alone: FastAPI adds its own form of 422, which is never sent."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            api = generate()
            for path, operations in api["paths"].items():
                for method, operation in operations.items():
                    if _OTHER_PROBLEM in str(operation["responses"].get("422")):
                        del operation["responses"]["422"]
                    if (scope := needed_scope(method.upper(), path)) is not None:
                        refusals = problems.responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
                        operation["responses"].update({str(int(status)): told for status, told in refusals.items()})
                        operation["security"] = [{"token": [scope]}]
            api["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema = TypeAdapter(problems.Problem).json_schema(ref_template="#/components/schemas/{model}")
            schemas = api["components"]["schemas"]
            schemas.update(schema.pop("$defs"), Problem=schema)
            for name in (_OTHER_PROBLEM, "ValidationError"):
                schemas.pop(name, None)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]
