"""The certificates that the playbooks make, on the machine that deploys."""

import subprocess
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "deploy" / "ansible" / "roles" / "tls" / "files" / "issue.sh"


@pytest.fixture
def issue(tmp_path):
    """Ask for a host's certificate for these names; what is said."""

    def issued(host, names):
        done = subprocess.run(
            ["sh", str(PROGRAM), str(tmp_path), host, names], capture_output=True, text=True, check=True
        )
        return done.stdout

    return issued


def test_certificate_is_made_once_for_the_same_names(issue, tmp_path):
    """The authority stays; a host that is called otherwise gets another certificate; keys are their owner's alone."""
    assert "made the lab's authority\nmade a certificate for DNS:nano-1\n" == issue("nano-1", "DNS:nano-1")
    assert "" == issue("nano-1", "DNS:nano-1")
    assert "made a certificate for DNS:nano-1,IP:10.0.0.5\n" == issue("nano-1", "DNS:nano-1,IP:10.0.0.5")
    assert {0o600} == {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")}


def test_certificate_of_another_authority_is_made_anew(issue, tmp_path):
    """Whoever replaces the lab's authority need remove nothing else."""
    issue("nano-1", "DNS:nano-1")
    (tmp_path / "ca.crt").unlink()
    assert "made the lab's authority\nmade a certificate for DNS:nano-1\n" == issue("nano-1", "DNS:nano-1")
    assert "" == issue("nano-1", "DNS:nano-1")


def test_authority_that_has_ended_is_told_with_what_to_do(issue, tmp_path):
    """No certificate of it would be believed, and only its owner can tell everybody of another."""
    issue("nano-1", "DNS:nano-1")
    ended = ["openssl", "x509", "-in", "ca.crt", "-signkey", "ca.key", "-days", "-1", "-out", "ca.crt"]
    subprocess.run(ended, cwd=tmp_path, capture_output=True, check=True)
    command = ["sh", str(PROGRAM), str(tmp_path), "nano-1", "DNS:nano-1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 != done.returncode
    assert f"the lab's authority has ended; remove {tmp_path}/ca.crt, and a new one is made" in done.stderr


def test_what_openssl_says_is_told(tmp_path):
    """An address in the inventory that is none."""
    command = ["sh", str(PROGRAM), str(tmp_path), "nano-1", "IP:10.0.0.500"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 != done.returncode
    assert done.stderr.startswith("making certificates failed; openssl says:\n")
    assert "10.0.0.500" in done.stderr


def test_host_is_known_by_the_authority(issue, tmp_path):
    """By every name that was asked, under the strict rules that Python 3.13 goes by; by another it is not."""
    issue("nano-1", "DNS:nano-1,IP:10.0.0.5")

    def verified(*names):
        command = [
            "openssl",
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-CAfile",
            "ca.crt",
            *names,
            "nano-1.crt",
        ]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert 0 == verified("-verify_hostname", "nano-1")
    assert 0 == verified("-verify_ip", "10.0.0.5")
    assert 0 != verified("-verify_hostname", "nano-2")
