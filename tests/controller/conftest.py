"""The controller's tests: a fake agent on a real port, and a real controller that talks to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.controller.clocks import SteppedClock
from tests.controller.databases import sqlite_url
from tests.controller.fake_agent import FakeAgent
from tests.controller.fake_controller import FakeController, serving
from tests.controller.lab import Lab
from tests.postgresql import PostgreSQL


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> None:
    """Tracebacks as the service writes them: structlog's own show every local variable, which can take minutes."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    """An agent that finishes every run at once."""
    with FakeAgent() as fake:
        yield fake


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server, started for the first test that asks."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Where the controller keeps everything; a module may say otherwise."""
    return sqlite_url(tmp_path)


@pytest.fixture
def lab(tmp_path: Path, agent: FakeAgent, database_url: str) -> Iterator[Lab]:
    """A controller with that agent's board."""
    with Lab(tmp_path, agent, database_url=database_url) as started:
        yield started


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for all tests of a module that change nothing the others see."""
    with FakeAgent() as agent, Lab(tmp_path_factory.mktemp("lab"), agent) as started:
        yield started


@pytest.fixture
def fake() -> Iterator[FakeController]:
    """A controller that answers from a script."""
    with serving(FakeController()) as server:
        yield server


@pytest.fixture
def clock() -> SteppedClock:
    """Time that the test moves."""
    return SteppedClock()
