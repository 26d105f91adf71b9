"""A small controller that speaks real HTTP and answers from a script.

For what the real one cannot be made to do at a wanted moment: break a stream, answer nonsense, end a job.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from controller.jobs import DeviceView, JobProgress, JobView, RunningNow, RunSummary
from gradfilter.bench.schema import DeviceSelector, JobSpec, MethodSpec, TrainingWorkload, Variant


@dataclass
class Answer:
    """One response; a body that is not bytes is written as JSON."""

    body: Any
    status: int = 200
    media_type: str = "application/json"

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def events(*views: JobView) -> Answer:
    """A stream of these views that ends after the last."""
    lines = [f"event: job\ndata: {json.dumps(asdict(view))}\n\n" for view in views]
    return Answer("".join(lines).encode(), media_type="text/event-stream")


def problem(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> Answer:
    body = {"type": "about:blank", "title": "no", "status": status, "detail": detail, "errors": errors or []}
    return Answer(body, status, "application/problem+json")


@dataclass
class FakeController:
    """answers: for 'METHOD /path' the responses in their order; the last one is repeated."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    def on(self, request: str, *answers: Answer) -> None:
        self.answers[request] = list(answers)

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        self.requests.append((f"{method} {target}", json.loads(body) if body else None))
        script = self.answers.get(f"{method} {target}") or self.answers.get(f"{method} {target.partition('?')[0]}")
        if script is None:
            return problem(404, f"there is no {target}.")
        return script.pop(0) if len(script) > 1 else script[0]


@contextmanager
def serving(fake: FakeController) -> Iterator[FakeController]:
    """Answer on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            answer = fake.answer(self.command, self.path, body)
            content = answer.content()
            self.send_response(answer.status)
            self.send_header("content-type", answer.media_type)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the base class's names

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ------------------------------------------------------------------ views to answer with

FILTERED = Variant("filtered", [MethodSpec("gradient_filter", {"patch_size": 4})])
SPEC = JobSpec(
    workload=TrainingWorkload("training", "resnet18"),
    variants=[Variant("baseline"), FILTERED],
    device=DeviceSelector(name="nano-1"),
)
MEASURING = RunningNow("r3", "measure", "filtered", 2, "running", "warm_up", 3, 35)


def job(state: Any = "running", *, done: int = 2, total: int = 6, **changes: Any) -> JobView:
    progress = JobProgress(
        done,
        total,
        **{name: changes.pop(name) for name in ("running", "waiting_for", "seconds_left") if name in changes},
    )
    values = {
        "id": "7",
        "state": state,
        "spec": SPEC,
        "device": "nano-1",
        "created_at": "2026-03-01T14:05:00.000000Z",
        "started_at": None,
        "finished_at": None,
        "reason": "",
        "progress": progress,
    }
    return JobView(**{**values, **changes})


def run(**changes: Any) -> RunSummary:
    values = {
        "id": "r1",
        "job_id": "7",
        "device": "nano-1",
        "purpose": "measure",
        "variant": "filtered",
        "block": 1,
        "attempt": 1,
        "state": "finished",
        "started_at": "2026-03-01T14:05:00.000000Z",
        "finished_at": None,
        "failure": "",
    }
    return RunSummary(**{**values, **changes})


def device(**changes: Any) -> DeviceView:
    values = {
        "name": "nano-1",
        "url": "http://nano-1:8101",
        "tags": ["jetson"],
        "health": "online",
        "health_reason": "",
        "job": None,
        "last_seen_at": None,
        "description": None,
    }
    return DeviceView(**{**values, **changes})


def listed(*views: Any, following: str | None = None) -> Answer:
    return Answer({"items": [asdict(view) for view in views], "next": following})
