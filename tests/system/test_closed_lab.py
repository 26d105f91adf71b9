"""A lab that strangers can reach: tokens and TLS on both services, and nothing secret where it could be read."""

import os
import re
import signal
import ssl
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.certificates import make_certificates
from tests.system.lab import BIN, DEVICE, Lab, Service, free_port, tiny_job, wait_for

pytestmark = pytest.mark.system


class ClosedLab(Lab):
    """A lab under TLS on every address, whose tokens were made with the command line."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, make_certificates(folder))
        self.controller.environment["GRADFILTER_CONTROLLER_HOST"] = "0.0.0.0"
        self.controller.environment["GRADFILTER_CONTROLLER_LOG_FORMAT"] = "json"
        self.agent.environment["GRADFILTER_AGENT_HOST"] = "0.0.0.0"

    def make_tokens(self) -> None:
        self.token = self.gradfilter("tokens", "create", "ada", "--scope", "admin").stdout.strip()
        self.agent.environment["GRADFILTER_AGENT_TOKEN"] = self.gradfilter("tokens", "board", DEVICE).stdout.strip()

    def gradfilter(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        settings = {**os.environ, **self.controller.environment, "GRADFILTER_CONTROLLER": self.controller_url}
        command = [str(BIN / "gradfilter"), *arguments]
        return subprocess.run(command, env={**settings, **environment}, capture_output=True, text=True, check=False)

    def as_user(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        ca = str(self.certificates.authority)
        return self.gradfilter(*arguments, GRADFILTER_TOKEN=self.token, GRADFILTER_CA=ca)

    def written(self) -> dict[str, bytes]:
        """What lies in the lab's folders, but for keys and certificates."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.suffix not in (".pem", ".key")]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    started = ClosedLab(tmp_path_factory.mktemp("closed"))
    refused = started.gradfilter("controller")
    assert (2, True) == (refused.returncode, "gradfilter tokens create" in refused.stderr)
    started.make_tokens()
    try:
        started.start()
        yield started
    finally:
        started.stop()


def test_a_job_runs_under_tls_and_tokens(lab, tmp_path):
    """The command line submits, the controller commands the board, the record comes back, each showing its token."""
    job = lab.submit(tiny_job(repetitions=1))
    view = lab.wait_until_final(job)
    assert ("finished", "ada") == (view["state"], view["user"])
    shown = lab.as_user("report", job)
    assert (0, True) == (shown.returncode, "filtered" in shown.stdout), shown.stderr


def test_the_command_line_says_what_is_missing(lab):
    """Without the token, and without the certificates to know the controller by."""
    ca = str(lab.certificates.authority)
    stranger = lab.gradfilter("jobs", GRADFILTER_CA=ca)
    assert (2, True) == (stranger.returncode, "GRADFILTER_TOKEN" in stranger.stderr)
    untrusting = lab.gradfilter("jobs", GRADFILTER_TOKEN=lab.token)
    assert (1, True) == (untrusting.returncode, "GRADFILTER_CA" in untrusting.stderr), untrusting.stderr


def test_a_board_of_another_name_or_authority_is_not_talked_to(lab, tmp_path):
    """A board under the wrong name gets the wrong token and says so; the wrong authority ends the talk before it."""
    assert 201 == lab.request("POST", "/v1/devices", json={"name": "other", "url": lab.agent_url}).status_code
    assert "`gradfilter tokens board other`" in lab.get("/v1/devices/other")["health_reason"]
    foreign = make_certificates(tmp_path)
    with pytest.raises(httpx2.TransportError):
        httpx2.get(lab.agent.health, verify=ssl.create_default_context(cafile=foreign.authority))


@pytest.fixture
def dial_out(lab, tmp_path):
    """Start another board's agent, which dials out, with more settings; its process and its log."""
    started = []

    def dialled(**settings):
        token = lab.gradfilter("tokens", "board", "behind-nat").stdout.strip()
        environment = {
            "GRADFILTER_AGENT_PORT": str(free_port()),
            "GRADFILTER_AGENT_DATA_DIR": str(tmp_path / f"agent-{len(started)}"),
            "GRADFILTER_AGENT_TOKEN": token,
            "GRADFILTER_AGENT_MAILBOX": f"{lab.controller_url}/v1/mailbox/behind-nat",
            **settings,
        }
        log = tmp_path / f"agent-{len(started)}.log"
        health = f"http://127.0.0.1:{environment['GRADFILTER_AGENT_PORT']}/health"
        service = Service([str(BIN / "gradfilter-agent")], environment, log, health)
        started.append(service)
        service.start()
        return log

    yield dialled
    for service in started:
        service.end(signal.SIGTERM)


def test_a_board_that_dials_out_knows_the_controller_by_its_authority(lab, dial_out):
    """Without its certificates the agent says what is missing, and with them the board is in the lab."""
    ignorant = dial_out()
    wait_for("a complaint", lambda: "GRADFILTER_AGENT_CONTROLLER_CA" in ignorant.read_text() or None)
    board = {"name": "behind-nat", "url": "mailbox://behind-nat"}
    assert "offline" == lab.request("POST", "/v1/devices", json=board).json()["health"]
    dial_out(GRADFILTER_AGENT_CONTROLLER_CA=str(lab.certificates.authority))
    wait_for("it online", lambda: lab.get("/v1/devices/behind-nat")["health"] == "online" or None)


def test_no_secret_is_written_anywhere(lab):
    """Tokens are in no log, record, database or answer, also after failures of every kind."""
    secrets = [lab.token, lab.agent.environment["GRADFILTER_AGENT_TOKEN"]]
    answers = [lab.request("POST", "/v1/jobs", content=b"{").text, lab.request("GET", "/nowhere").text]
    answers += [lab.request("GET", path).text for path in ("/v1/jobs", "/v1/devices", "/metrics", "/", "/openapi.json")]
    answers += [str(lab.as_user("tokens", "list").stdout), str(lab.as_user("devices", "show", DEVICE).stdout)]
    lab.stop()
    written = lab.written()
    assert {"controller.log", "agent.log"} <= set(written)
    assert any(re.search(r"records?|sqlite3|status", name) for name in written)
    for secret in secrets:
        assert [] == [name for name, content in written.items() if secret.encode() in content]
        assert [] == [answer for answer in answers if secret in answer]
