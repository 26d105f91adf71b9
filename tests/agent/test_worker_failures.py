"""Every way in which a worker can fail ends in a record that says so; the agent goes on."""

import psutil
import pytest

from tests.agent.service import LEASE, run_spec, wait_until


def carried_out(client, model, **changes):
    spec = run_spec(model=model, **changes)
    assert 200 == client.put("/v1/runs/run-1", json=spec, headers=LEASE).status_code
    return wait_until("the end", lambda: client.get("/v1/runs/run-1?wait=1").json()["record"])


@pytest.mark.parametrize(
    ("model", "kind", "sentence"),
    [
        ("kills-itself", "killed", "killed by SIGKILL in phase measured after step 1; the board was down to "),
        ("dies-in-the-middle-of-a-line", "killed", "killed by SIGKILL in phase measured after step 1"),
        ("exits-without-a-word", "exception", "exited with code 3 in phase measured after step 1"),
        ("leaves-early", "exception", "exited with code 0 in phase measured after step 1 without saying why"),
        ("reports-a-failure", "out_of_memory", "no memory for the next step"),
        ("talks-garbage", "exception", "not an event in phase measured after step 1"),
        ("talks-nan", "exception", "NaN is no JSON number"),
        ("talks-without-line-ends", "exception", "a line longer than"),
        ("there-is-no-such-script", "exception", "exited with code 1"),
    ],
)
def test_failed_worker_is_a_result(client, model, kind, sentence):
    """A worker's own failure is a failed run, in words, with its log."""
    record = carried_out(client, model)
    assert ("failed", kind) == (record["state"], record["failure"]["kind"])
    assert sentence in record["failure"]["message"]


def test_steps_before_a_crash_are_kept(client):
    """What the worker said before it died is in the record."""
    record = carried_out(client, "dies-in-the-middle-of-a-line")
    assert [0, 1] == [step["index"] for step in record["steps"]]


def test_refusal_names_its_field(client):
    """A preparation that the worker refuses carries the field at fault."""
    record = carried_out(client, "refuses", purpose="prepare")
    assert ("failed", "refused", "workload.image_size") == (
        record["state"],
        record["failure"]["kind"],
        record["failure"]["field"],
    )


@pytest.mark.parametrize("model", ["waits-for-ever", "ignores-terminate"])
def test_time_limit_ends_a_run(client, model):
    """A worker that takes too long is stopped, killed if it must be, and the sentence says what to change."""
    record = carried_out(client, model, limits={"run_s": 1, "settle_s": 0})
    assert ("failed", "time_limit") == (record["state"], record["failure"]["kind"])
    assert "Raise limits.run_s" in record["failure"]["message"]
    assert 2 == len(record["steps"])


def test_cancel_that_the_worker_ignores(client):
    """A worker that ignores SIGTERM is killed, and the run is cancelled all the same."""
    client.put("/v1/runs/run-1", json=run_spec(model="ignores-terminate"), headers=LEASE)
    wait_until("the second step", lambda: client.get("/v1/runs/run-1").json()["done"] == 2)
    client.post("/v1/runs/run-1/cancel", headers=LEASE)
    record = wait_until("the end", lambda: client.get("/v1/runs/run-1?wait=1").json()["record"])
    assert "cancelled" == record["state"]


@pytest.mark.parametrize("model", ["crashes-after-its-end", "hangs-after-its-end"])
def test_trouble_after_the_last_event_harms_nothing(client, model):
    """A result that is complete stands, and the record tells how the process ended."""
    record = carried_out(client, model)
    assert "finished" == record["state"]
    assert 0 > record["environment"]["worker_exit_code"]


def test_child_of_the_worker_is_not_left_behind(client):
    """The whole process group ends with the run, though the worker's child held its pipe open."""
    child = carried_out(client, "leaves-a-child")["environment"]["child"]
    wait_until("the child's end", lambda: not psutil.pid_exists(child) or is_zombie(child))


def is_zombie(pid):
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_newer_worker_is_understood(client):
    """Events and fields that this agent does not know are passed over."""
    record = carried_out(client, "speaks-of-something-newer")
    assert "finished" == record["state"]
    assert [0, 1, 9] == [step["index"] for step in record["steps"]]


def test_log_tail_is_the_end_of_the_log(client):
    """Of a long log the last 4 kB come back."""
    tail = carried_out(client, "prints-much")["log_tail"]
    assert 4096 == len(tail)
    assert tail.endswith("the last line\n")


@pytest.mark.parametrize("settings", [{"worker_python": "/nowhere/python"}], indirect=True)
def test_missing_worker_python_says_what_to_set(client):
    """A run without a Python to run it fails with the setting's name, and the device says so beforehand."""
    message = carried_out(client, "trains")["failure"]["message"]
    assert "'/nowhere/python': No such file or directory" in message
    assert "GRADFILTER_AGENT_WORKER_PYTHON" in message
    assert "/nowhere/python" in client.get("/v1/device").json()["worker_error"]
