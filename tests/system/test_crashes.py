"""Real kills in the middle of a job: nothing measured is lost, nothing is measured twice."""

import signal
from collections import Counter

import psutil
import pytest

from tests.system.lab import tiny_job, wait_for

pytestmark = pytest.mark.system

VALID = ("finished", "failed")


def assert_every_block_is_complete(lab, job, blocks):
    """As many complete blocks as asked for, at most one valid record a slot, every other attempt kept as lost."""
    runs = lab.runs(job)
    slots = Counter((run["block"], run["variant"]) for run in runs if run["state"] in VALID)
    assert 1 == max(slots.values())
    complete = [block for block in {block for block, _ in slots} if sum(b == block for b, _ in slots) == 2]
    assert blocks == len(complete)
    assert {"lost"} >= {run["state"] for run in runs if run["state"] not in VALID}
    return runs


def assert_every_run_was_kept(lab, job, blocks):
    """The job finished, and so did each of its runs, at the first attempt."""
    assert "finished" == lab.wait_until_final(job)["state"]
    assert ["finished"] * 2 * blocks == [run["state"] for run in assert_every_block_is_complete(lab, job, blocks)]


def worker_of(lab):
    """The process that trains now, None between two."""
    children = psutil.Process(lab.agent.process.pid).children(recursive=True)
    return next((child for child in children if is_worker(child)), None)


def is_worker(process):
    """Whether it trains; another one may just be telling the agent what it offers."""
    try:
        return {"gradfilter.bench.worker", "run"} <= set(process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.mark.long  # test_kills.py has shorter ones
def test_controller_killed_mid_job(lab):
    """A controller killed with SIGKILL resumes the job: finished runs are not repeated, the blocks get complete."""
    job = lab.submit(tiny_job(repetitions=3))
    lab.wait_until_running(job, block=2)
    before = {run["id"] for run in lab.runs(job) if run["state"] == "finished"}
    lab.controller.end(signal.SIGKILL)
    lab.controller.start()
    assert "finished" == lab.wait_until_final(job)["state"]
    runs = assert_every_block_is_complete(lab, job, 3)
    assert before <= {run["id"] for run in runs if run["state"] == "finished"}


def test_agent_killed_mid_run(lab):
    """A run whose agent was killed is kept as lost and counted, and a replacement block completes the job."""
    job = lab.submit(tiny_job(repetitions=2, workload={"measured_steps": 600}))
    running = lab.wait_until_running(job, block=1)
    lab.agent.end(signal.SIGKILL)
    lab.agent.start()
    assert "finished" == lab.wait_until_final(job)["state"]
    runs = assert_every_block_is_complete(lab, job, 2)
    assert "lost" == next(run["state"] for run in runs if run["id"] == running["run_id"])
    report = lab.get(f"/v1/jobs/{job}/report.json")
    assert 1 == sum(variant["runs_lost"] for variant in report["variants"])


def test_worker_killed_mid_run(lab):
    """A killed worker is one failed run with its reason; every other run of the job stands."""
    job = lab.submit(tiny_job(repetitions=2, workload={"measured_steps": 600}))
    running = lab.wait_until_running(job, block=1)
    wait_for("a worker", lambda: worker_of(lab)).kill()
    lab.wait_until_final(job)
    runs = {run["id"]: run for run in lab.runs(job)}
    killed = runs.pop(running["run_id"])
    assert "failed" == killed["state"]
    assert "kill" in killed["failure"]
    assert ["finished"] * 3 == [run["state"] for run in runs.values()]


def test_no_process_outlives_its_agent(lab):
    """Worker and sampler of a killed agent end by themselves and leave the board idle."""
    job = lab.submit(tiny_job(repetitions=1, workload={"measured_steps": 2000}))
    lab.wait_until_running(job, block=1)
    children = psutil.Process(lab.agent.process.pid).children(recursive=True)
    assert children
    lab.agent.end(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert [] == alive
