"""Real worker processes, started as the agent starts them."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SEGMENTERS = "tests.gradfilter.bench.tiny_segmenter"
TINY = {
    "kind": "training",
    "model": "tiny_cnn",
    "image_size": 16,
    "batch_size": 8,
    "trainable": "last:2",
    "warm_up_steps": 1,
    "measured_steps": 3,
    "threads": 1,
}
FILTERED = {"name": "filtered", "methods": [{"name": "gradient_filter", "options": {"patch_size": 4, "last": 2}}]}


SEGMENTATION = {
    "kind": "training",
    "model": "import:" + SEGMENTERS + ":make",
    "dataset": "shapes",
    "image_size": 16,
    "batch_size": 4,
    "warm_up_steps": 1,
    "measured_steps": 2,
    "threads": 1,
}


class WorkerRun:
    """What a finished worker left: its events, exit status and log."""

    def __init__(self, events, status, log):
        self.events = events
        self.status = status
        self.log = log

    def of(self, name):
        return [event for event in self.events if event["event"] == name]

    def steps(self, phase, part=""):
        return [step for step in self.of("step") if (step["phase"], step["part"]) == (phase, part)]

    @property
    def outcome(self):
        return self.of("outcome")[0]

    @property
    def failure(self):
        return self.of("failure")[0]

    @property
    def losses(self):
        return [step["loss"] for step in self.of("step")]


class WorkerProcess:
    """A worker whose stdin is still open. arguments and environment are added to what every worker gets."""

    def __init__(self, cache_dir, arguments=(), **environment):
        ours, theirs = os.pipe()
        self._lines = os.fdopen(ours, encoding="utf-8")
        command = ["run", "--events-fd", str(theirs), "--cache-dir", str(cache_dir), "--model-module", SEGMENTERS]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gradfilter.bench.worker", *command, *arguments],
            cwd=str(ROOT),
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[theirs],
        )
        os.close(theirs)

    def _read_event(self):
        line = self._lines.readline()
        return json.loads(line, parse_constant=refuse_constant) if line else None

    def tell(self, line):
        self.process.stdin.write(line.encode("utf-8") + b"\n")
        self.process.stdin.flush()

    def wait_for(self, name):
        """Read events until one of this name has come."""
        while name != self._read_event()["event"]:
            pass

    def finish(self):
        """Wait for the end, with stdin open until the worker has gone; all events that were not read before."""
        events = list(iter(self._read_event, None))
        self._lines.close()
        log = self.process.stderr.read().decode("utf-8")
        status = self.process.wait()
        self.process.stderr.close()
        self.process.stdin.close()
        return WorkerRun(events, status, log)


def refuse_constant(name):
    raise ValueError("strict JSON has no " + name)


def make_spec(workload=None, **fields):
    spec = {"run_id": "run-1", "job_id": "job-1", "variants": [{"name": "baseline"}]}
    spec.update(copy.deepcopy(fields))
    spec["workload"] = copy.deepcopy(workload if "kind" in (workload or {}) else dict(TINY, **(workload or {})))
    return spec


@pytest.fixture(name="spec", scope="session")
def fixture_spec():
    """Builds a RunSpec as JSON holds it; the workload's fields replace those of a tiny one."""
    return make_spec


@pytest.fixture(name="segmentation", scope="session")
def fixture_segmentation():
    """A tiny workload with masks."""
    return SEGMENTATION


@pytest.fixture(name="filtered", scope="session")
def fixture_filtered():
    """A variant that filters the tiny model's last two convolutions."""
    return FILTERED


@pytest.fixture(name="cache", scope="session")
def fixture_cache(tmp_path_factory):
    """A cache folder that lives as long as the tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(name="start_worker", scope="session")
def fixture_start_worker(cache):
    """Starts a worker and leaves it to the test."""
    return lambda cache_dir=cache, *arguments, **environment: WorkerProcess(cache_dir, arguments, **environment)


@pytest.fixture(name="run_worker", scope="session")
def fixture_run_worker(start_worker):
    """Runs a RunSpec, or any line, to its end."""

    def run(spec):
        worker = start_worker()
        worker.tell(spec if isinstance(spec, str) else json.dumps(spec))
        return worker.finish()

    return run


@pytest.fixture(name="baseline", scope="session")
def fixture_baseline(run_worker):
    """One plain run of the tiny workload."""
    return run_worker(make_spec())
