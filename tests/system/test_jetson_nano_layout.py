"""A Jetson Nano as it is deployed: the agent in a modern Python, the worker in Python 3.6 with torch 1.10."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bundling.own_wheels import build_own_wheels
from tests.python36 import find_interpreter, make_environment
from tests.system.conftest import started
from tests.system.lab import DEVICE, Lab, tiny_job

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def worker_python(tmp_path: Path) -> Path:
    """A release's worker: gradfilter's wheel in an environment of its own, which sees the board's torch beside it."""
    interpreter = find_interpreter()
    if interpreter is None:
        words = "no Python 3.6 found. Install one (pyenv install 3.6.15) or name it in PYTHON36."
        pytest.fail(words) if os.environ.get("CI") == "true" else pytest.skip(words)
    board = make_environment(interpreter)
    worker = tmp_path / "worker"
    subprocess.run([str(interpreter), "-m", "venv", "--without-pip", str(worker)], check=True)
    packages = worker / "lib" / "python3.6" / "site-packages"
    wheel = build_own_wheels(ROOT, tmp_path / "own")["gradfilter"]
    pip = [str(board), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(packages), str(wheel)], check=True)
    (packages / "torch.pth").write_text(f"{board.parent.parent}/lib/python3.6/site-packages\n")
    shutil.rmtree(tmp_path / "own")
    return worker / "bin" / "python"


@pytest.fixture
def nano(tmp_path: Path, worker_python: Path) -> Iterator[Lab]:
    yield from started(tmp_path, worker_python=str(worker_python))


def test_digits_job_runs_on_a_nanos_worker(nano):
    """The description tells that the old torch convolves right, and the job runs to its end in the old Python."""
    worker = nano.get(f"/v1/devices/{DEVICE}")["description"]["worker"]
    assert ("3.6", "1.10") == (worker["python_version"][:3], worker["torch_version"][:4])
    assert [("cpu", True)] == [(check["compute"], check["correct"]) for check in worker["convolutions"]]
    job = nano.submit(tiny_job(repetitions=1))
    view = nano.wait_until_final(job)
    assert ("finished", "") == (view["state"], view["reason"])
    assert {"3.6"} == {nano.get(f"/v1/runs/{run['id']}")["environment"]["python"][:3] for run in nano.runs(job)}
