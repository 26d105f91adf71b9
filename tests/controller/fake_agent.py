"""A small agent: it speaks the real protocol on a real port, and what becomes of each run is scripted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import FastAPI, Header, Response
from fastapi.responses import JSONResponse
from typing_extensions import Self

from gradfilter.bench.schema import DeviceDescription, Failure, RunFile, RunRecord, RunSpec, RunStatus, Trace
from tests.controller.samples import description, record
from tests.controller.serving import Server, wait_for

HOLD = "hold"
Token = Annotated[int, Header()]
Script = Callable[[RunSpec], str]


def problem(status: int, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "title": "no", "status": status, "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


@dataclass
class FakeAgent:
    """What outlives a restart of the agent: its disk. script says how a run ends, or HOLD to let the test say.

    reports: makes the record of a run, of its spec, its state and why it failed.

    An outcome is a state, or 'refused: <sentence>' for a preparation or run that the worker refuses.
    """

    script: Script = lambda spec: "finished"
    reports: Callable[[RunSpec, str, str], RunRecord] = record
    description: DeviceDescription = field(default_factory=description)
    started: list[RunSpec] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    trace: Trace = field(default_factory=Trace)
    files: dict[str, bytes] = field(default_factory=dict)
    active: dict[str, RunSpec] = field(default_factory=dict)
    records: dict[str, RunRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = Server(lambda: make_app(self))

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.stop()

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def measured(self) -> list[RunSpec]:
        """The measured runs that were started, in order."""
        return [spec for spec in self.started if spec.purpose == "measure"]

    def wait_for_active(self, purpose: str = "measure") -> RunSpec:
        """The run on the board, once there is one of this purpose."""
        return wait_for(
            f"a run to {purpose}",
            lambda: next((spec for spec in list(self.active.values()) if spec.purpose == purpose), None),
        )

    def end(self, run_id: str, outcome: str = "finished") -> None:
        """Let an active run end."""
        spec = self.active.pop(run_id)
        kind, _, message = outcome.partition(": ")
        if kind == "refused":
            ended = self.reports(spec, "failed", message)
            ended.failure = Failure(kind="refused", message=message, field="trainable")
        else:
            ended = self.reports(spec, kind, message)
        self.records[run_id] = ended

    def lose_everything(self) -> None:
        """As a board does whose disk was replaced."""
        self.active.clear()
        self.records.clear()

    def status(self, run_id: str) -> RunStatus | None:
        if run_id in self.records:
            ended = self.records[run_id]
            return RunStatus(run_id=run_id, state=ended.state, record=ended)
        if run_id in self.active:
            return RunStatus(run_id=run_id, state="running", phase="measured", done=1, total=2, trace=self.trace)
        return None

    def refuses(self, token: int) -> bool:
        """Whether a newer lease was seen; else this one is the newest."""
        if self.tokens and token < max(self.tokens):
            return True
        self.tokens.append(token)
        return False


class Routes:
    """The agent's REST interface."""

    def __init__(self, agent: FakeAgent) -> None:
        self.agent = agent

    async def device(self) -> DeviceDescription:
        return self.agent.description

    async def start(self, run_id: str, spec: RunSpec, x_lease_token: Token) -> Response:
        agent = self.agent
        if agent.refuses(x_lease_token):
            return problem(409, f"lease {x_lease_token} is older than the newest one.")
        if agent.status(run_id) is not None:
            return JSONResponse({"run_id": run_id, "state": "accepted"})
        if agent.active:
            return problem(409, f"run {next(iter(agent.active))} is active.")
        agent.started.append(spec)
        agent.active[run_id] = spec
        outcome = agent.script(spec)
        if outcome != HOLD:
            agent.end(run_id, outcome)
        return JSONResponse({"run_id": run_id, "state": "accepted"})

    async def show(self, run_id: str, wait: float = 0.0, state: str = "running") -> RunStatus | Response:
        until = time.monotonic() + (wait if state == "running" else 0.0)
        # The test ends runs from another thread, which no asyncio event hears.
        while run_id in self.agent.active and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return self.agent.status(run_id) or problem(404, f"run {run_id} is unknown.")

    async def list_files(self, run_id: str) -> list[RunFile]:
        return [RunFile(name, len(content)) for name, content in self.agent.files.items()]

    async def file(self, run_id: str, name: str) -> Response:
        return Response(self.agent.files[name])

    async def cancel(self, run_id: str, x_lease_token: Token) -> Response:
        agent = self.agent
        if agent.refuses(x_lease_token):
            return problem(409, f"lease {x_lease_token} is older than the newest one.")
        agent.cancelled.append(run_id)
        if run_id in agent.active:
            agent.end(run_id, "cancelled")
        return problem(404, f"run {run_id} is unknown.") if agent.status(run_id) is None else JSONResponse({})

    async def forget(self, run_id: str) -> Response:
        if run_id in self.agent.active:
            return problem(409, f"run {run_id} is running.")
        if self.agent.records.pop(run_id, None) is None:
            return problem(404, f"run {run_id} is unknown.")
        self.agent.forgotten.append(run_id)
        return Response(status_code=204)


def make_app(agent: FakeAgent) -> FastAPI:
    """The agent as an application."""
    app, routes = FastAPI(), Routes(agent)
    app.add_api_route("/v1/device", routes.device)
    app.add_api_route("/v1/runs/{run_id}", routes.start, methods=["PUT"])
    app.add_api_route("/v1/runs/{run_id}", routes.show, response_model=RunStatus)
    app.add_api_route("/v1/runs/{run_id}/files", routes.list_files)
    app.add_api_route("/v1/runs/{run_id}/files/{name}", routes.file)
    app.add_api_route("/v1/runs/{run_id}/cancel", routes.cancel, methods=["POST"])
    app.add_api_route("/v1/runs/{run_id}", routes.forget, methods=["DELETE"])
    return app
