"""The agent's REST API."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from socket import AF_UNIX, SOCK_DGRAM, socket
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import BaseModel
from systemd_watchdog.systemd_watchdog import WatchDog

from agent import VERSION
from agent.access import TokenGuard
from agent.announcing import announced
from agent.body_check import BodyCheck
from agent.data_folder import DataFolder
from agent.described_worker import DescribedWorker
from agent.device import describe_device
from agent.dialling_out import DiallingOut
from agent.errors import BadRunId
from agent.execution import Bench
from agent.known_sensors import KnownSensors
from agent.metrics import Metrics
from agent.problems import Problem, answer_with_problems
from agent.run_folder import RunFolder
from agent.runs import Runs, Seen
from agent.settings import AgentSettings
from agent.worker_command import worker_command
from gradfilter.bench.schema import DeviceDescription, RunFile, RunSpec, RunStatus, SensorReport

_log = logging.getLogger(__name__)
_LONGEST_WAIT_S = 60

LeaseToken = Annotated[int, Header(alias="X-Lease-Token", ge=1, lt=2**63, description="The lease's fencing token.")]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "Refused; the document says why."},
    "5XX": {"model": Problem, "description": "Not possible now; the document says why."},
}


class Health(BaseModel):
    """That the agent is alive, and what it is doing."""

    status: str
    version: str
    state: str
    active_run: str | None


def create_app(settings: AgentSettings) -> FastAPI:
    """An agent. It takes its data folder when it starts to serve, and gives it back when it stops."""
    app = FastAPI(
        title="gradfilter agent",
        version=VERSION,
        summary="Runs one training job at a time on this board and measures it.",
        lifespan=_lifespan,
        responses=PROBLEMS,
        docs_url=None,  # its page asks other hosts for its script
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.runs = None
    app.add_middleware(BodyCheck)
    if settings.token is not None:  # added last, so that it stands before the limit: strangers' bodies are not read
        app.add_middleware(TokenGuard, token=settings.token.get_secret_value())
    answer_with_problems(app)
    _add_run_routes(app)
    _add_device_routes(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: AgentSettings = app.state.settings
    data = DataFolder(settings.data_dir, settings.min_free_bytes)
    worker = DescribedWorker(worker_command(settings, data.path, "describe"), data.worker_description)
    metrics = Metrics()
    runs = Runs(Bench(settings, data, worker), metrics.run_ended)
    metrics.watch(lambda: runs.active is not None)
    app.state.worker, app.state.metrics, app.state.runs = worker, metrics, runs
    app.state.sensors = KnownSensors(settings.surroundings(), is_busy=lambda: runs.active is not None)
    _log_sensors(app.state.sensors.reports())
    runs.recover()
    worker.start()
    dialling_out = _dial_out(app, settings)
    with closing(socket(AF_UNIX, SOCK_DGRAM)) as messenger:
        alive = asyncio.create_task(_tell_systemd(WatchDog(messenger)))
        async with announced(settings):
            yield
        alive.cancel()
    if dialling_out is not None:
        dialling_out.stop()
    runs.stop()
    worker.stop()
    runs.join()
    data.close()


def _dial_out(app: FastAPI, settings: AgentSettings) -> DiallingOut | None:
    if not settings.mailbox or settings.token is None:
        return None
    token, trust = settings.token.get_secret_value(), ssl.create_default_context(cafile=settings.controller_ca)
    dialling_out = DiallingOut(app, settings.mailbox, token, trust, asyncio.get_running_loop())
    dialling_out.start()
    return dialling_out


async def _tell_systemd(watchdog: WatchDog) -> None:
    """Say that the service is ready, and that it lives for as long as this loop turns; nothing without systemd."""
    watchdog.ready()
    while watchdog.is_enabled:
        watchdog.notify()
        await asyncio.sleep(watchdog.timeout_td.total_seconds() / 3)


def _log_sensors(sensors: list[SensorReport]) -> None:
    for sensor in sensors:
        channels = ", ".join(channel.name for channel in sensor.channels)
        _log.info("sensor %s: %s", sensor.name, channels if sensor.present else f"absent: {sensor.reason}")


def _runs(request: Request) -> Runs:
    runs: Runs = request.app.state.runs
    return runs


def _answer(found: RunStatus | RunFolder, status_code: int = 200) -> RunStatus | Response:
    """A run that has ended is answered with its file as it stands: a long record never passes through memory."""
    if isinstance(found, RunFolder):
        return FileResponse(found.status, status_code=status_code, media_type="application/json")
    return found


def _add_run_routes(app: FastAPI) -> None:
    @app.put("/v1/runs/{run_id}", response_model=RunStatus)
    def put_run(request: Request, run_id: str, spec: RunSpec, token: LeaseToken) -> RunStatus | Response:
        """Start a run, or, if it is known already, tell where it is."""
        if spec.run_id != run_id:
            raise BadRunId(f"run_id in the body is {spec.run_id!r}, in the path {run_id!r}. Send the same in both.")
        return _answer(_runs(request).start(spec, token))

    @app.get("/v1/runs/{run_id}", response_model=RunStatus)
    async def get_run(  # noqa: PLR0917 - FastAPI passes them by name
        request: Request,
        run_id: str,
        wait: Annotated[float, Query(ge=0, le=_LONGEST_WAIT_S, description="Seconds to wait for a change.")] = 0,
        rest: Annotated[
            float, Query(ge=0, le=_LONGEST_WAIT_S, description="Seconds before which nothing but the end is told.")
        ] = 0,
        state: Annotated[str | None, Query(description="The state that the caller saw last.")] = None,
        phase: Annotated[str | None, Query(description="The phase that the caller saw last.")] = None,
        done: Annotated[int | None, Query(description="The progress that the caller saw last.")] = None,
        trace_after: Annotated[
            float | None, Query(description="Tell what the run has shown after this instant of the board's clock.")
        ] = None,
    ) -> RunStatus | Response:
        """Where a run is; with its record once it has ended.

        With wait, the answer comes when the run ends or its state, phase or progress differ from what the caller
        saw last (from what they are now, if that is not given), or when the time is over. With rest, a difference is
        told no sooner than that: until then the board answers nothing, though every step of the run is looked at.
        """
        found = await _runs(request).wait(run_id, Seen(state, phase, done), wait, rest)
        if trace_after is not None and isinstance(found, RunStatus):
            found = await _runs(request).traced(found, trace_after)
        return _answer(found)

    @app.get("/v1/runs/{run_id}/files")
    def list_files(request: Request, run_id: str) -> list[RunFile]:
        """The files that a run left for people, such as a profile."""
        return _runs(request).files(run_id)

    @app.get("/v1/runs/{run_id}/files/{name}", response_class=FileResponse)
    def get_file(request: Request, run_id: str, name: str) -> Response:
        """One of those files."""
        return FileResponse(_runs(request).file(run_id, name), media_type="application/octet-stream")

    @app.post("/v1/runs/{run_id}/cancel", response_model=RunStatus, status_code=202)
    def cancel_run(request: Request, run_id: str, token: LeaseToken) -> RunStatus | Response:
        """Stop a run. It ends within seconds; wait for that with GET. A run that has ended stays as it is."""
        _runs(request).cancel(run_id, token)
        return _answer(_runs(request).look(run_id), status_code=202)

    @app.delete("/v1/runs/{run_id}", status_code=204)
    def delete_run(request: Request, run_id: str, token: LeaseToken) -> None:
        """Forget a run that has ended, once its record is stored elsewhere."""
        _runs(request).forget(run_id, token)


def _add_device_routes(app: FastAPI) -> None:
    @app.get("/v1/device")
    def get_device(request: Request) -> DeviceDescription:
        """This board, its sensors and what its worker offers."""
        state = request.app.state
        return describe_device(state.settings.root, state.sensors.reports(), state.worker)

    @app.get("/health")
    def get_health(request: Request) -> Health:
        """Whether the agent is alive, and what it is doing."""
        active = _runs(request).active
        state = active.state if active else "idle"
        return Health(status="ok", version=VERSION, state=state, active_run=active.run_id if active else None)

    @app.get("/metrics", response_class=PlainTextResponse)
    def get_metrics(request: Request) -> Response:
        """Counters and gauges for Prometheus."""
        return Response(request.app.state.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
