"""Agents that announce themselves, found by the command line: real multicast, on loopback."""

import os
import signal
import socket
import subprocess

import pytest

from tests.system.lab import BIN, Lab, wait_for

pytestmark = pytest.mark.system


@pytest.fixture
def discover(tmp_path):
    """A lab whose agent announces itself; what the command says about the agent's address, a row as its cells."""
    lab = Lab(tmp_path)
    lab.agent.environment["GRADFILTER_AGENT_ANNOUNCE"] = "true"
    lab.agent.start()
    lab.controller.start()

    def discovered():
        command = [str(BIN / "gradfilter"), "devices", "discover", "--interface", "127.0.0.1", "--seconds", "3"]
        environment = {**os.environ, "GRADFILTER_CONTROLLER": lab.controller_url}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        rows = [line.rstrip().split(maxsplit=2) for line in done.stdout.splitlines()]
        return [row for row in rows if row[1] == lab.agent_url]  # others may announce themselves here, too

    discovered.lab = lab
    yield discovered
    lab.stop()


def test_announced_agent_is_found_and_registered_as_it_is_said(discover):
    """Its row names its host, and the command that registers it."""
    [[name, url, how]] = wait_for("the announcement", lambda: discover() or None)
    assert name.startswith(socket.gethostname().partition(".")[0])
    assert f"`gradfilter devices add {name} {url} --controller {discover.lab.controller_url}`" == how
    subprocess.run([str(BIN / "gradfilter"), *how.strip("`").split()[1:]], check=True)
    assert [url] == [device["url"] for device in discover.lab.get("/v1/devices")["items"]]


@pytest.mark.long
def test_registered_board_is_shown_by_its_name_until_its_agent_ends(discover):
    """An agent takes its announcement back."""
    lab = discover.lab
    lab.request("POST", "/v1/devices", json={"name": "desk", "url": lab.agent_url})
    assert ["desk"] == [word for _, _, word in wait_for("the announcement", lambda: discover() or None)]
    lab.agent.end(signal.SIGTERM)
    assert [] == discover()
