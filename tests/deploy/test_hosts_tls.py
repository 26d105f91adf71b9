"""All services of a deployed lab speak TLS, by an authority that the playbooks make."""

import re
import ssl
import subprocess

import httpx2
import pytest

from tests.system.lab import BIN, tiny_job, wait_for

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(900)]


FILES = "/etc/gradfilter/tls"


@pytest.fixture(scope="module")
def encrypted(deployed):
    """The lab brought to TLS, its controller's machine a board as well; without both afterwards, for other tests."""
    lab = deployed.lab
    lab.hosts["lab-too"] = lab.hosts["lab"]
    played = lab.play("install", gradfilter_tls=True)
    assert 0 == played.status, played.output
    lab.scheme, lab.trust = "https", ssl.create_default_context(cafile=lab.folder / "secrets" / "tls" / "ca.crt")
    yield lab
    lab.hosts.pop("lab-too", None)
    lab.request("DELETE", "/v1/devices/lab-too")
    lab.scheme, lab.trust = "http", True
    played = lab.play("install")
    assert 0 == played.status, played.output


def restart(lab, name, service, port):
    """Start a service anew, and wait until it takes connections."""
    host = lab.hosts[name]
    host.run(f"systemctl restart {service}")
    wait_for("its port", lambda: host.run(f"ss -Htl 'sport = :{port}'") or None)


def served_by(lab, name):
    """The certificate that the host's agent shows, as the text that stands in files."""
    return ssl.get_server_certificate((lab.hosts[name].address, 8101))


def brought_to(lab, name):
    """The certificate that the playbooks brought the host's agent."""
    return lab.hosts[name].run(f"cat {FILES}/agent/service.crt")


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
    again = encrypted.play("install", gradfilter_tls=True)
    assert (0, dict.fromkeys(encrypted.hosts, 0)) == (again.status, again.changed), again.output


@pytest.mark.parametrize(("service", "other"), [("agent", "controller"), ("controller", "agent")])
def test_key_is_its_services_alone(encrypted, service, other):
    """On a machine that is controller and board, each service's user reads its own key, and neither the other's."""
    lab = encrypted.hosts["lab"]
    key = f"{FILES}/{service}/service.key"
    assert f"640 root gradfilter-{service}" == lab.run(f'stat --format="%a %U %G" {key}').strip()
    lab.run(f"runuser -u gradfilter-{service} -- test -r {key}")
    assert "kept" == lab.run(f"runuser -u gradfilter-{other} -- test -r {key} || echo kept").strip()


def test_certificate_that_a_failed_play_left_is_served_after_the_next(encrypted):
    """Whether a service has to be started anew is decided by what it was started with, not by what a play changed."""
    before = served_by(encrypted, "board-1")
    (encrypted.folder / "secrets" / "tls" / "board-1.agent.crt").unlink()
    job = encrypted.submit(tiny_job(device={"name": "board-1"}, workload={"measured_steps": 2000}))
    encrypted.wait_until_running(job, block=1)
    failed = encrypted.play("install", "--limit", "board-1", gradfilter_tls=True, gradfilter_drain_s=1)
    assert 1 == failed.failed["board-1"], failed.output
    assert before == served_by(encrypted, "board-1") != brought_to(encrypted, "board-1")
    encrypted.request("POST", f"/v1/jobs/{job}/cancel")
    encrypted.wait_until_final(job)

    played = [encrypted.play("install", "--limit", "board-1", gradfilter_tls=True) for _ in range(2)]
    assert [(0, True), (0, False)] == [(one.status, one.changed["board-1"] > 0) for one in played], played
    assert before != served_by(encrypted, "board-1") == brought_to(encrypted, "board-1")


def test_certificate_that_ends_soon_is_told_and_replaced(encrypted):
    """A warning says of which host and service; other hosts have none, and the next installation mends it."""
    secrets = encrypted.folder / "secrets" / "tls"
    signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-key", "board-1.agent.key"]
    says = ["-subj", "/CN=short", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "9"]
    short = subprocess.check_output(["openssl", "req", "-x509", *signed, *says], cwd=secrets, text=True)
    (secrets / "board-1.agent.crt").write_text(short)
    encrypted.hosts["board-1"].run(f"echo '{short}' > {FILES}/agent/service.crt")
    restart(encrypted, "board-1", "gradfilter-agent", 8101)
    checked = encrypted.play("check", gradfilter_tls=True)
    assert 0 == checked.status, checked.output
    assert ["board-1, agent: The certificate is good for 8 more days"] == re.findall(
        r"WARNING: (.*? days)", " ".join(checked.output.split())
    )
    played = encrypted.play("install", "--limit", "board-1", gradfilter_tls=True)
    assert 0 == played.status, played.output
    assert short.strip() != served_by(encrypted, "board-1").strip() == brought_to(encrypted, "board-1").strip()


def test_removed_board_leaves_the_controller_its_key(encrypted):
    """Of two services on one machine only the agent and its files go; the controller starts anew as before."""
    lab = encrypted.hosts["lab"]
    played = encrypted.play("remove", "--limit", "lab-too", gradfilter_tls=True)
    assert 0 == played.status, played.output
    del encrypted.hosts["lab-too"]
    assert "controller" == lab.run(f"ls {FILES}").strip()
    restart(encrypted, "lab", "gradfilter-controller", 8100)
    assert ["board-1", "board-2"] == [device["name"] for device in encrypted.get("/v1/devices")["items"]]


def test_agent_that_does_not_know_the_authority_says_so(encrypted):
    """One that dials out, started on a board as by hand."""
    mailbox = f"{encrypted.controller_url}/v1/mailbox/board-1"
    settings = {"TOKEN": "x" * 20, "MAILBOX": mailbox, "PORT": "8199", "DATA_DIR": "/tmp/by-hand"}
    given = " ".join(f"--setenv=GRADFILTER_AGENT_{name}={value}" for name, value in settings.items())
    board = encrypted.hosts["board-1"]
    board.run(f"systemd-run --quiet --unit=by-hand {given} /opt/gradfilter/agent/current/venv/bin/gradfilter-agent")
    said = wait_for(
        "the refusal",
        lambda: said if "CERTIFICATE_VERIFY_FAILED" in (said := board.run("journalctl -u by-hand -o cat")) else None,
    )
    board.run("systemctl stop by-hand")
    assert "give the certificates to know it by in GRADFILTER_AGENT_CONTROLLER_CA" in said


def test_board_that_dials_out_takes_jobs(encrypted):
    """The playbooks give its agent the authority to know the controller by."""
    settings = {"GRADFILTER_AGENT_MAILBOX": f"{encrypted.controller_url}/v1/mailbox/board-1"}
    dialling = {"gradfilter_agent_settings": settings, "gradfilter_agent_url": "mailbox://board-1"}
    played = encrypted.play("install", "--limit", "board-1", gradfilter_tls=True, **dialling)
    assert 0 == played.status, played.output
    job = encrypted.submit(tiny_job(device={"name": "board-1"}))
    assert ("finished", "") == ((view := encrypted.wait_until_final(job))["state"], view["reason"])
