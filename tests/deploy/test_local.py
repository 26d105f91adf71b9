"""The one-host deployment with real services: what it prints, what it keeps, and that it leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from controller.store import Store
from deploy.services import LabError, running_lab

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "workload": {
        "kind": "training",
        "model": "tiny_cnn",
        "image_size": 16,
        "batch_size": 8,
        "trainable": "last:2",
        "warm_up_steps": 1,
        "measured_steps": 5,
        "threads": 1,
    },
    "variants": [
        {"name": "baseline"},
        {"name": "filter_p2", "methods": [{"name": "gradient_filter", "options": {"patch_size": 2, "last": 2}}]},
    ],
    "repetitions": 1,
    "quick": True,
    "device": {"name": "this-computer"},
    "limits": {"settle_s": 0, "run_s": 120},
    "note": "a tiny network",
}
SHAPES = [{"batch_size": 2, "in_channels": 8, "out_channels": 8, "height": 8, "width": 8}]
LAYER = {
    **TINY,
    "workload": {"kind": "conv_layer", "shapes": SHAPES, "measured_steps": 3, "threads": 1},
    "variants": [
        {"name": "baseline"},
        {"name": "filter_p2", "methods": [{"name": "gradient_filter", "options": {"patch_size": 2}}]},
    ],
}


def processes_of(folder):
    """The processes whose settings or arguments name the folder: the services, their workers and samplers."""
    return [process for process in psutil.process_iter() if names(process, str(folder))]


def names(process, folder):
    try:
        return any(folder in text for text in [*process.environ().values(), *process.cmdline()])
    except psutil.Error:
        return False


def start_demo(folder, jobs, **settings):
    """The demo on the given jobs, with its data below the folder."""
    (folder / "jobs").mkdir(exist_ok=True)
    for name, spec in jobs.items():
        (folder / "jobs" / f"{name}.json").write_text(json.dumps(spec))
    where = ["--jobs", folder / "jobs", "--data", folder / "data", "--reports", folder / "reports"]
    command = [sys.executable, "-m", "deploy.local", "demo", *map(str, where)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, **pipes)


def end(process):
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture
def demo(tmp_path):
    """Starts the demo on jobs, with its data in a folder of the test's own."""
    started = []
    yield lambda **jobs: started.append(start_demo(tmp_path, jobs)) or started[-1]
    for process in started:
        end(process)


@dataclass
class Measured:
    """A demo that has ended, and the folder with all that it left."""

    status: int
    output: str
    errors: str
    folder: Path


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The demo with a training and a layer job, in an environment that names another lab's database."""
    folder = tmp_path_factory.mktemp("demo")
    process = start_demo(
        folder,
        {"a_training": TINY, "b_layers": LAYER},
        GRADFILTER_CONTROLLER_DATABASE_URL=f"sqlite:///{folder}/precious.sqlite3",
    )
    try:
        output, errors = process.communicate(timeout=280)
    finally:
        end(process)
    return Measured(process.returncode, output, errors, folder)


def test_the_demo_measures_and_stops(measured):
    """Both comparisons and the lesson are printed, the HTML reports are kept, and no process is left."""
    assert (0, "") == (measured.status, measured.errors)
    assert "run 1 of 2" in measured.output
    assert "no test" in measured.output
    assert "Speed-up over plain training" in measured.output
    assert {"a_training.html", "b_layers.html"} == {path.name for path in (measured.folder / "reports").iterdir()}
    assert [] == processes_of(measured.folder / "data")


def test_settings_of_another_lab_do_not_leak_in(measured):
    """A database named in the environment is not the one that the lab writes to."""
    assert not (measured.folder / "precious.sqlite3").exists()
    assert (measured.folder / "data" / "controller" / "controller.sqlite3").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_stops_everything(demo, tmp_path, number):
    """A signal in the middle of a job ends the demo with status 130, cancels the job and leaves no process.

    Until then no second lab may use its folder.
    """
    long = {**TINY, "workload": {**TINY["workload"], "measured_steps": 100000}}
    process = demo(a_training=long)
    line = next(line for line in process.stdout if "measured" in line)
    assert "run 1 of 2" in line
    with pytest.raises(LabError, match=f"{tmp_path / 'data'} is in use"), running_lab(tmp_path / "data"):
        pass
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (130, "stopped.\n") == (process.returncode, errors)
    assert [] == processes_of(tmp_path / "data")
    with closing(Store(f"sqlite:///{tmp_path}/data/controller/controller.sqlite3")) as store:
        assert {"cancelled": 1} == {state: count for state, count in store.jobs.count_by_state().items() if count}


def test_a_failed_job_is_a_failed_demo(demo):
    """A job that the board refuses is shown with its reason, and the exit status is 1."""
    process = demo(a_training={**TINY, "workload": {**TINY["workload"], "trainable": "last:99"}})
    _, errors = process.communicate(timeout=120)
    assert 1 == process.returncode
    assert "trainable" in errors
    assert "Traceback" not in errors


def test_a_service_that_cannot_start_shows_its_log(demo, tmp_path):
    """When a service ends, the demo ends with the tail of its log."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "agent").write_text("a file where the agent wants a folder")
    process = demo(a_training=TINY)
    _, errors = process.communicate(timeout=120)
    assert 1 == process.returncode
    assert "the agent ended with status" in errors
    assert str(tmp_path / "data" / "agent.log") in errors
    assert [] == processes_of(tmp_path / "data")
