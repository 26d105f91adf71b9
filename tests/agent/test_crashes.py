"""What is left when the agent is stopped, or a process beside it killed, with real processes and real signals."""

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.agent.service import await_gone, run_spec, wait_until


@pytest.mark.parametrize(
    ("number", "model"), [(signal.SIGTERM, "ignores-terminate"), (signal.SIGINT, "waits-for-ever")]
)
def test_stopped_agent_ends_its_run_as_lost(service, number, model):
    """On SIGTERM and Ctrl-C the worker is stopped, the run is kept as lost, and the agent exits with status 0."""
    service.put(run_spec(model=model))
    service.await_phase("run-1", "measured")
    children = service.children()
    assert 0 == service.end(number)
    await_gone(children)
    service.start()
    record = service.status("run-1")["record"]
    assert ("lost", "lost") == (record["state"], record["failure"]["kind"])
    assert "the agent was stopped" in record["failure"]["message"]
    assert record["series"]
    assert None is not record["sampler"]


def test_waiting_caller_gets_the_last_word_of_a_stopping_agent(service):
    """A long poll is answered with the record when the agent stops, not cut off."""
    service.put(run_spec(model="waits-for-ever"))
    service.await_phase("run-1", "measured")
    url = f"http://127.0.0.1:{service.port}/v1/runs/run-1?wait=60&state=running&phase=measured&done=2"
    with subprocess.Popen(["curl", "-s", url], stdout=subprocess.PIPE) as waiting:
        wait_until("the waiting connection", lambda: connections(service) >= 1)
        assert 0 == service.end(signal.SIGTERM)
        assert "lost" == json.loads(waiting.communicate()[0])["state"]


def connections(service):
    found = psutil.Process(service.process.pid).net_connections(kind="tcp")
    idle = 1  # the connection that the test's own client keeps open
    return sum(connection.status == "ESTABLISHED" for connection in found) - idle


def test_killed_sampler_costs_the_samples_only(service):
    """A run goes on without its sampler, and its record says what happened."""
    service.put(run_spec(model="waits-for-ever", limits={"run_s": 2, "settle_s": 0}))
    service.await_phase("run-1", "measured")
    next(child for child in service.children() if "agent.sampler" in child.cmdline()).kill()
    record = service.await_end("run-1")
    assert "time_limit" == record["failure"]["kind"]
    assert None is record["sampler"]
    assert "the sampler exited with code -9" in record["environment"]["sampler_error"]


def test_worker_goes_first_when_memory_runs_out(service):
    """The kernel is told to take the worker, not the agent."""
    service.put(run_spec(model="waits-for-ever"))
    service.await_phase("run-1", "measured")
    worker = next(child for child in service.children() if "agent.sampler" not in child.cmdline())
    assert "1000\n" == Path(f"/proc/{worker.pid}/oom_score_adj").read_text()
    assert "1000\n" != Path(f"/proc/{service.process.pid}/oom_score_adj").read_text()


def test_two_agents_do_not_share_a_folder(service):
    """A second agent in the same data folder refuses to start, in one sentence."""
    command = ["gradfilter-agent", "--port", "0", "--data-dir", str(service.data_dir)]
    command[0] = str(Path(service.process.args[0]))
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 1 == second.returncode
    assert "another agent already works in" in second.stderr
    assert "Traceback" not in second.stderr
