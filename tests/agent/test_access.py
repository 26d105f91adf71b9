"""Who may command a board: its token, where it listens, and what its children know."""

import json
import os
import subprocess

import httpx2
import psutil
import pytest

from tests.agent.service import AGENT, LEASE, AgentService, run_spec, wait_until

TOKEN = "gfb_only-this-board-knows-it"
PASSWORD = "only-the-meter-knows-it"
BEARER = {"authorization": f"Bearer {TOKEN}"}

guarded = pytest.mark.parametrize("settings", [{"token": TOKEN}], indirect=True)


@guarded
def test_a_board_with_a_token_obeys_nobody_without_it(client):
    """Neither questions nor orders are taken, whatever is shown instead of the token."""
    for shown in (
        {},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "ü".encode()},
    ):
        for method, path in (
            ("GET", "/v1/device"),
            ("PUT", "/v1/runs/run-1"),
            ("DELETE", "/v1/runs/run-1"),
            ("GET", "/docs"),
        ):
            answer = client.request(method, path, headers=LEASE | shown)
            assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])
            assert "GRADFILTER_AGENT_TOKEN" in answer.json()["detail"]
            assert TOKEN not in answer.text


@guarded
def test_the_token_opens_the_board(client):
    """Whoever shows it is answered as ever."""
    assert 200 == client.get("/v1/device", headers=BEARER).status_code
    assert 200 == client.put("/v1/runs/run-1", json=run_spec(), headers=LEASE | BEARER).status_code


@guarded
@pytest.mark.parametrize("path", ["/health", "/metrics"])
def test_watching_needs_no_token(client, path):
    """That the board is alive, and how much it does, is no secret."""
    answer = client.get(path)
    assert 200 == answer.status_code
    assert TOKEN not in answer.text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "board.example"])
def test_without_a_token_it_listens_on_loopback_only(tmp_path, host):
    """Anywhere else it says why not, and what to do."""
    command = [str(AGENT), "--host", host, "--data-dir", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert 2 == ended.returncode
    assert f"on {host} anybody on the network could have this board train" in ended.stderr
    assert "`gradfilter tokens board NAME`" in ended.stderr


def test_a_token_that_can_be_guessed_is_refused_and_not_shown(tmp_path):
    """A short one is no token; it is not repeated, since it may be the start of a real one."""
    environment = {**os.environ, "GRADFILTER_AGENT_TOKEN": "letmein"}
    command = [str(AGENT), "--data-dir", str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (2, True) == (ended.returncode, "token" in ended.stderr)
    assert "letmein" not in ended.stderr


def test_beyond_loopback_with_a_token_and_without_telling_its_children(tmp_path, monkeypatch):
    """With a token it listens on every address; the worker and the sampler have no secret in their environment."""
    monkeypatch.setenv("gradfilter_agent_token", TOKEN)  # the settings are read in any case
    meter = {"kind": "shelly", "url": f"http://ada:{PASSWORD}@127.0.0.1:9", "name": "plug"}
    monkeypatch.setenv("GRADFILTER_AGENT_METERS", json.dumps([meter]))
    monkeypatch.setenv("GRADFILTER_AGENT_HOST", "0.0.0.0")
    service = AgentService(tmp_path)
    service.http = httpx2.Client(base_url=str(service.http.base_url), headers=BEARER, trust_env=False)
    try:
        service.start()
        service.put(run_spec(model="waits-for-ever"))
        service.await_phase("run-1", "measured")  # before a child is its own program, it still shows the agent's own
        children = service.children()
        environments = [wait_until("its environment", psutil.Process(child.pid).environ) for child in children]
        for secret in (TOKEN, PASSWORD):
            assert [False, False] == [secret in " ".join(environment.values()) for environment in environments]
            assert secret not in service.log.read_text()
    finally:
        service.close()
