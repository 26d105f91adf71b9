"""How a board describes itself, on the command line and to the controller."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from agent import board as facts
from agent.app import create_app
from agent.device import describe_board
from agent.known_sensors import FIRST_PAUSE_S, KnownSensors
from agent.sensors import describe_sensors
from agent.sensors.surroundings import Surroundings
from agent.settings import AgentSettings
from gradfilter.bench.schema import SCHEMA_VERSION
from tests.agent.fake_worker import MODELS
from tests.agent.service import LEASE, run_spec, wait_until, write_worker_python

COMMAND = str(Path(sys.executable).with_name("gradfilter-agent"))


def described(root):
    return describe_board(root, describe_sensors(Surroundings(root)))


@pytest.mark.parametrize(
    ("name", "model", "tags", "cpu"),
    [
        (
            "jetson-nano",
            "NVIDIA Jetson Nano Developer Kit",
            {"jetson", "jetson-nano", "power:board_input", "power:cpu", "power:gpu"},
            "ARMv8 Processor rev 1 (v8l)",
        ),
        (
            "jetson-orin-nano",
            "NVIDIA Jetson Orin Nano Developer Kit",
            {"jetson", "jetson-orin-nano", "power:module", "power:rail"},
            "Cortex-A78AE",
        ),
        (
            "raspberry-pi-5",
            "Raspberry Pi 5 Model B Rev 1.0",
            {"raspberry-pi", "raspberry-pi-5", "power:rail"},
            "Cortex-A76",
        ),
        (
            "intel-laptop",
            "LENOVO 20L8S2N800",
            {"power:cpu", "power:package", "power:rail", "power:system"},
            "Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz",
        ),
        ("virtual-machine", "", set(), "Intel(R) Xeon(R) Processor"),
    ],
)
def test_boards_and_their_tags(board, name, model, tags, cpu):
    """A board is known by its device tree or firmware; the tags say what it is and which power it measures."""
    description = described(board(name))
    assert (model, cpu) == (description.model, description.cpu)
    assert tags == set(description.tags) - {description.machine}


def test_facts_come_from_the_root(board):
    """Memory, cores and system are the board's, not those of the machine that runs the test."""
    description = described(board("jetson-orin-nano"))
    assert (7802536 * 1024, 2, "Ubuntu 22.04.5 LTS") == (
        description.memory_bytes,
        description.cores,
        description.os,
    )
    assert "0a6f1c9e-5c1b-4f0e-9d9b-111111111111" == description.boot_id


def test_profile_that_holds_is_described(board):
    """What the playbooks have set on the board for benchmarks, and nothing where they have set nothing."""
    root = board("jetson-orin-nano")
    assert "" == described(root).profile
    (root / "run/gradfilter-profile").mkdir(parents=True)
    (root / "run/gradfilter-profile/applied").write_text("governor performance, swap off\n")
    assert "governor performance, swap off" == described(root).profile


def test_board_without_any_facts(tmp_path):
    """An empty root gives empty facts, not an error."""
    description = described(tmp_path)
    assert ("", "", 0) == (description.model, description.cpu, description.memory_bytes)


class Desk:
    """A machine without a thermometer until it is given one, and a clock that goes when a test says so."""

    def __init__(self, board):
        self.root, self._thermometer = board("virtual-machine"), board("jetson-orin-nano") / "sys/class/thermal"
        self.now_s, self.busy = 100.0, False
        self.known = KnownSensors(Surroundings(self.root), is_busy=lambda: self.busy, clock=lambda: self.now_s)

    def add_thermometer(self):
        (self.root / "sys/class").mkdir(parents=True, exist_ok=True)
        self._thermometer.rename(self.root / "sys/class/thermal")

    def asks(self):
        """Whether there is a thermometer by the next answer, with whatever look it started finished."""
        self.known.reports()
        for look in [thread for thread in threading.enumerate() if thread.name == "look for sensors"]:
            look.join()
        return next(sensor.present for sensor in self.known.reports() if sensor.name == "thermal")


def test_new_sensor_is_found_when_no_run_would_be_disturbed(board):
    """Sensors are looked for again when a minute has gone by, and never while a run is going on."""
    desk = Desk(board)
    desk.add_thermometer()
    assert not desk.asks()
    desk.now_s, desk.busy = desk.now_s + FIRST_PAUSE_S, True
    assert not desk.asks()
    desk.busy = False
    assert desk.asks()


def test_board_at_rest_is_looked_at_ever_less(board):
    """A second look comes a minute after the first, the next after two; a sensor that has come is a new beginning."""
    desk = Desk(board)
    desk.now_s += FIRST_PAUSE_S
    assert not desk.asks()
    desk.add_thermometer()
    desk.now_s += 1.9 * FIRST_PAUSE_S
    assert not desk.asks()
    desk.now_s += 0.1 * FIRST_PAUSE_S
    assert desk.asks()
    (desk.root / "sys/class/thermal").rename(desk.root / "away")
    desk.now_s += FIRST_PAUSE_S
    assert not desk.asks()


def test_device_carries_what_the_worker_offers(client, settings):
    """Once the worker's Python has answered, its methods and models are in the description, and kept on disk."""
    worker = wait_until("the answer", lambda: client.get("/v1/device").json()["worker"])
    assert ("2.13.0", MODELS) == (worker["torch_version"], worker["models"])
    wait_until("the file", (settings.data_dir / "worker.json").exists)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"worker_python": "/bin/false"}, "exited with code 1: it said nothing"),
        ({"worker_python": "/bin/echo"}, "is no description of a worker"),
        ({"worker_python": "/nowhere"}, "cannot be started: No such file"),
    ],
    indirect=["settings"],
)
def test_worker_that_cannot_describe_itself(client, words):
    """The description then says why, and what to do."""
    device = wait_until("an error", lambda: error_of(client, words))
    assert None is device["worker"]
    assert "restart the agent" in device["worker_error"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            """echo '{"python_version": "3.6", "torch_version": "1.10", "schema_version": 1}'""",
            f"speaks schema version 1, this agent {SCHEMA_VERSION}: install the same gradfilter for both.",
        ),
        (
            "echo 'worker: error: no such flag' >&2; exit 2",
            "no such flag. Its gradfilter may be older than this agent.",
        ),
        ("kill -ILL $$", "was ended by SIGILL: its torch is built for a newer processor than this."),
    ],
)
def test_worker_of_another_release(tmp_path, script, words):
    """A worker that would not understand its runs is refused before any, by what to do."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    with TestClient(create_app(AgentSettings(data_dir=tmp_path / "data", worker_python=str(python)))) as client:
        assert None is wait_until("an error", lambda: error_of(client, words))["worker"]


def error_of(client, words):
    device = client.get("/v1/device").json()
    return device if words in device["worker_error"] else None


def test_health_says_what_the_agent_does(client):
    """Idle, or which run it is at."""
    assert ("idle", None) == (client.get("/health").json()["state"], client.get("/health").json()["active_run"])
    client.put("/v1/runs/run-1", json=run_spec(model="waits-for-ever"), headers=LEASE)
    wait_until("running", lambda: client.get("/health").json()["state"] == "running")
    assert "run-1" == client.get("/health").json()["active_run"]


def test_metrics_count_ended_runs(client):
    """Prometheus reads how runs ended, and the agent's own memory."""
    client.put("/v1/runs/run-1", json=run_spec(), headers=LEASE)
    wait_until("the end", lambda: client.get("/v1/runs/run-1?wait=1").json()["record"])
    text = client.get("/metrics").text
    assert 'gradfilter_agent_runs_total{state="finished"} 1.0' in text
    assert "gradfilter_agent_run_duration_seconds_count 1.0" in text
    assert "gradfilter_agent_sampler_worst_gap_seconds_count 1.0" in text
    assert "gradfilter_agent_run_active 0.0" in text
    assert "process_resident_memory_bytes" in text


def test_device_command_prints_json(board):
    """The description as the controller would get it, without the worker."""
    root = board("raspberry-pi-5")
    printed = subprocess.run([COMMAND, "--root", str(root), "device"], capture_output=True, text=True, check=True)
    assert "Raspberry Pi 5 Model B Rev 1.0" == json.loads(printed.stdout)["model"]


def test_bad_setting_is_refused_in_words():
    """A flag out of range stops the agent before it starts."""
    refused = subprocess.run([COMMAND, "--port", "70000"], capture_output=True, text=True, check=False)
    assert 2 == refused.returncode
    assert "port" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("python", "status", "expected"),
    [
        (write_worker_python, 0, [{"compute": "cpu", "correct": True, "largest_error": 0.0, "error": ""}]),
        (lambda folder: Path("/bin/false"), 1, None),
    ],
)
def test_device_command_asks_the_worker_when_told_to(tmp_path, python, status, expected):
    """With --worker the description holds what convolutions gave there; a worker without an answer is a failure."""
    command = [COMMAND, "--worker-python", str(python(tmp_path)), "device", "--worker"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False)
    worker = json.loads(printed.stdout)["worker"]
    assert (status, expected) == (printed.returncode, worker and worker["convolutions"])


@pytest.mark.parametrize(
    ("files", "firmware"),
    [
        ({"sys/class/dmi/id/bios_vendor": "LENOVO\n", "sys/class/dmi/id/bios_version": "N3CET\n"}, "LENOVO N3CET"),
        ({"etc/nv_tegra_release": "# R32 (release), REVISION: 7.4\nmore\n"}, "R32 (release), REVISION: 7.4"),
        ({"proc/device-tree/chosen/bootloader/version": "30cc5f37d6\0"}, "30cc5f37d6"),
        ({}, ""),
    ],
)
def test_the_firmware_is_named(tmp_path, files, firmware):
    """A PC's BIOS, a Jetson's release, a Raspberry Pi's bootloader, or nothing where none says."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert firmware == facts.firmware(tmp_path)


def test_swap_areas_are_named_with_their_sizes(tmp_path):
    """Runs with and without swap are not alike."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/swaps").write_text(
        "Filename Type Size Used Priority\n/dev/zram0 partition 1953125 0 5\n/swapfile file 976562 12 -2\n"
    )
    assert "/dev/zram0 2.0 GB, /swapfile 1.0 GB" == facts.swap_areas(tmp_path)
