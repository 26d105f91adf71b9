"""An agent in this process, an agent as a process of its own, and boards made of small files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from agent.app import create_app
from agent.settings import AgentSettings
from tests.agent.service import AgentService, write_worker_python
from tests.boards import build_board


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> AgentSettings:
    """Settings of an agent whose worker is the fake one; a test's parameter changes some."""
    usual = {"data_dir": tmp_path / "data", "worker_python": str(write_worker_python(tmp_path)), "stop_grace_s": 0.3}
    return AgentSettings(**{**usual, **getattr(request, "param", {})})


@pytest.fixture
def client(settings: AgentSettings) -> Iterator[TestClient]:
    """The agent's API with everything behind it: real processes, real files."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def service(tmp_path: Path) -> Iterator[AgentService]:
    """The agent as a process, to signal and to kill."""
    yield from running(tmp_path)


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentService]:
    """One agent process for all tests of a module."""
    yield from running(tmp_path_factory.mktemp("agent"))


def running(folder: Path) -> Iterator[AgentService]:
    service = AgentService(folder)
    try:
        service.start()
        yield service
    finally:
        service.close()


@pytest.fixture
def board(tmp_path: Path) -> Callable[[str], Path]:
    """Builds the root of a board by name."""
    return lambda name: build_board(name, tmp_path / name)
