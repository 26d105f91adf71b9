"""How long certificates last, as `gradfilter deploy check` asks on every host: of a real service, made for few days."""

import json
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "deploy" / "ansible" / "roles" / "check" / "files" / "days_left.py"


@pytest.fixture
def certificate(tmp_path):
    """Makes a certificate for so many days that is its own authority: the file, with its key."""

    def made(days):
        file = tmp_path / f"{days}.pem"
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(file)]
        says = ["-subj", "/CN=service", "-addext", "subjectAltName=IP:127.0.0.1", "-days", str(days)]
        shown = subprocess.run(["openssl", "req", "-x509", *key, *says], capture_output=True, check=True).stdout
        with file.open("ab") as written:
            written.write(shown)
        return file

    return made


@contextmanager
def serving(certificate):
    """A service that shows the certificate to one caller; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer():
        with suppress(ssl.SSLError), context.wrap_socket(listening.accept()[0], server_side=True) as caller:
            caller.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def told(port, authority, limit=30):
    command = [sys.executable, str(PROGRAM), str(port), str(authority), str(limit)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_days_are_counted_without_advice_while_there_are_many(certificate):
    """Whole days, so that the last one is the day 0."""
    shown = certificate(days=40)
    with serving(shown) as port:
        assert {"certificate": 39, "authority": 39, "advice": ""} == told(port, shown)


def test_what_ends_soon_is_told_with_what_to_do(certificate):
    """Of the certificate and of the authority, which need different things."""
    shown = certificate(days=9)
    with serving(shown) as port:
        advice = told(port, shown)["advice"]
    assert "The authority is good for 8 more days: remove ca.crt" in advice
    assert "The certificate is good for 8 more days: `gradfilter deploy install` makes a new one" in advice


def test_certificate_of_another_authority_is_told(certificate):
    """As one that has ended would be."""
    with serving(certificate(days=9)) as port:
        other = certificate(days=40)
        advice = told(port, other)["advice"]
    assert advice.startswith(f"No certificate that {other} knows: ")
    assert "certificate verify failed" in advice
