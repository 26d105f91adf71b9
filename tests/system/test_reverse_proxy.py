"""The example for nginx, as it stands but for its addresses, before a real controller."""

import signal
import ssl
import subprocess
from pathlib import Path

import httpx2
import pytest

from controller.client import Client
from controller.jobs import NewDevice
from controller.store import Store
from tests.certificates import make_certificates
from tests.debian import program
from tests.system.lab import BIN, Service, free_port, tiny_job, wait_for

pytestmark = [pytest.mark.system, pytest.mark.long]

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nginx" / "gradfilter.conf"


@pytest.fixture
def lab(tmp_path):
    """A controller on loopback with a token, nginx before it, and what a user needs to reach it."""
    files, ports = make_certificates(tmp_path, "127.0.0.1"), (free_port(), free_port())
    store = Store(f"sqlite:///{tmp_path / 'controller.sqlite3'}")
    store.database.migrate()
    token = store.tokens.create("ada", "admin")
    store.devices.add(NewDevice("bench-1", "http://127.0.0.1:9"))
    store.close()
    settings = {"GRADFILTER_CONTROLLER_PORT": str(ports[0]), "GRADFILTER_CONTROLLER_DATA_DIR": str(tmp_path)}
    health = f"http://127.0.0.1:{ports[0]}/health"
    controller = Service([str(BIN / "gradfilter"), "controller"], settings, tmp_path / "log", health)
    controller.start()
    nginx = start_nginx(tmp_path, files, *ports)
    try:
        yield f"https://127.0.0.1:{ports[1]}", token, files
    finally:
        nginx.terminate()
        nginx.wait(20)
        controller.end(signal.SIGTERM)


def start_nginx(folder, files, controller_port, port):
    site = EXAMPLE.read_text()
    for example, real in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/gradfilter/certificate.pem", str(files.certificate)),
        ("/etc/gradfilter/key.pem", str(files.key)),
        ("127.0.0.1:8100", f"127.0.0.1:{controller_port}"),
    ):
        assert example in site
        site = site.replace(example, real)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(f"pid {folder}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n")
    command = [
        str(program("nginx", "nginx-light")),
        "-e",
        str(folder / "nginx.log"),
        "-c",
        str(config),
        "-g",
        "daemon off;",
    ]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def test_users_reach_the_controller_through_nginx(lab):
    """A job is submitted and followed, and a browser's login gets a cookie that is never sent in the open."""
    url, token, files = lab
    trust = ssl.create_default_context(cafile=files.authority)
    wait_for("nginx", lambda: answers(url, trust))
    with Client(url, token=token, ca_file=str(files.authority)) as client:
        job = client.submit(tiny_job())
        assert "ada" == job.user
        watched = client.watch(job.id)
        assert "queued" == next(watched).state
        client.cancel(job.id)
        assert "cancelled" == list(watched)[-1].state
    form = {"token": token, "then": "/jobs/1"}
    entered = httpx2.post(f"{url}/login", data=form, headers={"origin": url}, verify=trust)
    assert (303, "/jobs/1") == (entered.status_code, entered.headers["location"])
    assert {"HttpOnly", "Secure", "SameSite=lax"} <= set(entered.headers["set-cookie"].split("; "))
    assert 401 == httpx2.get(f"{url}/v1/jobs", verify=trust).status_code


def answers(url, trust):
    try:
        return httpx2.get(f"{url}/health", verify=trust).is_success or None
    except httpx2.TransportError:
        return None
