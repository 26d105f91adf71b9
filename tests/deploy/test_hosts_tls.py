"""All services of a deployed lab speak TLS, by an authority that the playbooks make."""

import ssl
import subprocess

import httpx2
import pytest

from tests.system.lab import BIN, tiny_job

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def encrypted(deployed):
    """The lab brought to TLS; back to plain HTTP afterwards, for the tests that follow."""
    lab = deployed.lab
    played = lab.play("install", gradfilter_tls=True)
    assert 0 == played.status, played.output
    lab.scheme, lab.trust = "https", ssl.create_default_context(cafile=lab.folder / "secrets" / "tls" / "ca.crt")
    yield lab
    lab.scheme, lab.trust = "http", True
    played = lab.play("install")
    assert 0 == played.status, played.output


def test_lab_speaks_tls_by_an_authority_of_its_own(encrypted):
    """Controller and agents are known by the lab's authority alone; jobs run, and a second run changes nothing."""
    board = encrypted.hosts["board-1"]
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx2.get(f"https://{board.address}:8101/health", trust_env=False)
    assert "ok" == httpx2.get(f"https://{board.address}:8101/health", verify=encrypted.trust).json()["status"]
    job = encrypted.submit(tiny_job(device={"name": "board-1"}))
    assert ("finished", "") == ((view := encrypted.wait_until_final(job))["state"], view["reason"])
    known = {"GRADFILTER_CA": "secrets/tls/ca.crt", "GRADFILTER_TOKEN": encrypted.token}
    listed = [str(BIN / "gradfilter"), "devices", "--controller", encrypted.controller_url]
    assert b"online" in subprocess.check_output(listed, env=known, cwd=encrypted.folder)
    assert "640 root gradfilter" == board.run('stat --format="%a %U %G" /etc/gradfilter/tls/host.key').strip()
    again = encrypted.play("install", gradfilter_tls=True)
    assert (0, {"lab": 0, "board-1": 0, "board-2": 0}) == (again.status, again.changed), again.output


def test_agent_that_does_not_know_the_authority_says_so(encrypted):
    """One that dials out, started on a board as by hand."""
    mailbox = f"{encrypted.controller_url}/v1/mailbox/board-1"
    settings = f"GRADFILTER_AGENT_TOKEN={'x' * 20} GRADFILTER_AGENT_MAILBOX={mailbox} GRADFILTER_AGENT_PORT=8199"
    agent = "/opt/gradfilter/agent/current/venv/bin/gradfilter-agent --data-dir /tmp/by-hand"
    said = encrypted.hosts["board-1"].run(f"env {settings} timeout 15 {agent} 2>&1", check=False)
    assert "CERTIFICATE_VERIFY_FAILED" in said, said
    assert "give the certificates to know it by in GRADFILTER_AGENT_CONTROLLER_CA" in said


def test_board_that_dials_out_takes_jobs(encrypted):
    """The playbooks give its agent the authority to know the controller by."""
    settings = {"GRADFILTER_AGENT_MAILBOX": f"{encrypted.controller_url}/v1/mailbox/board-1"}
    dialling = {"gradfilter_agent_settings": settings, "gradfilter_agent_url": "mailbox://board-1"}
    played = encrypted.play("install", "--limit", "board-1", gradfilter_tls=True, **dialling)
    assert 0 == played.status, played.output
    job = encrypted.submit(tiny_job(device={"name": "board-1"}))
    assert ("finished", "") == ((view := encrypted.wait_until_final(job))["state"], view["reason"])
