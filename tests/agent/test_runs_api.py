"""What the agent's REST API does with one run, with a real worker process behind it."""

import json
import threading

import pytest

from agent.sensors import SENSORS
from tests.agent.service import LEASE, run_spec, wait_until


def put(client, spec, headers=LEASE):
    return client.put(f"/v1/runs/{spec['run_id']}", json=spec, headers=headers)


def ended(client, run_id="run-1"):
    return wait_until("the end", lambda: client.get(f"/v1/runs/{run_id}?wait=1").json()["record"])


def carried_out(client, model, **changes):
    put(client, run_spec(model=model, **changes))
    return ended(client)


def test_run_becomes_record(client):
    """A run's phases, steps, environment, outcome and log come back in its record."""
    record = carried_out(client, "trains")
    assert "finished" == record["state"]
    assert ["settle", "setup", "measured"] == [phase["name"] for phase in record["phases"]]
    assert [0, 1, 2] == [step["index"] for step in record["steps"]]
    assert {"": 1024} == record["outcome"]["saved_activation_bytes"]
    assert "2.13.0" == record["environment"]["torch"]
    assert "training begins\n" == record["log_tail"]
    assert None is record["failure"]


def test_phases_touch_and_do_not_overlap(client):
    """Each phase begins where the one before it ended, on one clock."""
    phases = carried_out(client, "trains")["phases"]
    assert [phase["end_s"] for phase in phases[:-1]] == [phase["start_s"] for phase in phases[1:]]
    assert all(phase["start_s"] <= phase["end_s"] for phase in phases)


def test_sensors_are_sampled_from_settling_to_the_end(client):
    """A measured run holds readings of its settling and of its work, and of the worker's own memory."""
    record = carried_out(client, "works-for-a-while", limits={"run_s": 60, "settle_s": 1.0})
    series = {(one["channel"]["sensor"], one["channel"]["name"]): one for one in record["series"]}
    times = series["system_memory", "available"]["times_s"]
    by_name = {phase["name"]: phase for phase in record["phases"]}
    assert any(by_name["settle"]["start_s"] <= time <= by_name["settle"]["end_s"] for time in times)
    assert any(by_name["measured"]["start_s"] <= time <= by_name["measured"]["end_s"] for time in times)
    assert any(value for value in series["process_memory", "rss"]["values"])
    assert 0.05 == record["sampler"]["period_s"]
    by_sensor = {sensor: len(one["times_s"]) for (sensor, _), one in series.items()}
    assert sum(by_sensor.values()) == record["sampler"]["readings"]
    assert by_sensor == {one["name"]: one["readings"] for one in record["sampler"]["sensors"]}


def test_absent_sensor_gives_its_reason(client):
    """The record lists every sensor that the agent knows, and why one is not there."""
    sensors = {sensor["name"]: sensor for sensor in carried_out(client, "trains")["sensors"]}
    assert [kind.name for kind in SENSORS] == list(sensors)
    assert all(sensor["present"] or sensor["reason"] for sensor in sensors.values())


def test_preparation_neither_settles_nor_samples(client):
    """A preparation goes straight to the worker, and its record has no series."""
    record = carried_out(client, "prepares", purpose="prepare", limits={"run_s": 60, "settle_s": 3000})
    assert "finished" == record["state"]
    assert ["setup", "prepare"] == [phase["name"] for phase in record["phases"]]
    assert [] == record["series"]


def test_put_again_is_the_same_run(client):
    """A PUT that is repeated, as after a timeout, starts nothing and tells where the run is."""
    spec = run_spec(model="waits-for-ever")
    assert 200 == put(client, spec).status_code
    assert 200 == put(client, spec).status_code
    client.post("/v1/runs/run-1/cancel", headers=LEASE)
    record = ended(client)
    assert record == put(client, spec).json()["record"]


def test_known_id_with_other_spec_is_refused(client):
    """A run id names one spec for good."""
    carried_out(client, "trains")
    answer = put(client, run_spec(model="refuses"))
    assert 409 == answer.status_code
    assert "different spec" in answer.json()["detail"]


def test_second_run_is_refused_while_one_is_active(client):
    """The board runs one thing at a time, and says which."""
    put(client, run_spec(model="waits-for-ever"))
    answer = put(client, run_spec("run-2"))
    assert 409 == answer.status_code
    assert "'run-1' is active" in answer.json()["detail"]


def test_next_run_follows_at_once(client):
    """Once a run's record can be read, the board takes the next run."""
    carried_out(client, "trains")
    assert 200 == put(client, run_spec("run-2")).status_code
    assert "finished" == ended(client, "run-2")["state"]


def test_cancelled_run_keeps_what_it_has(client):
    """Cancelling stops the worker; the steps until then stay in the record."""
    put(client, run_spec(model="waits-for-ever"))
    wait_until("the second step", lambda: client.get("/v1/runs/run-1").json()["done"] == 2)
    assert 202 == client.post("/v1/runs/run-1/cancel", headers=LEASE).status_code
    record = ended(client)
    assert ("cancelled", "cancelled") == (record["state"], record["failure"]["kind"])
    assert 2 == len(record["steps"])


def test_cancel_while_settling(client):
    """A run that is still settling is cancelled before its worker starts."""
    put(client, run_spec(limits={"run_s": 60, "settle_s": 3000}))
    wait_until("settling", lambda: client.get("/v1/runs/run-1").json()["state"] == "settling")
    client.post("/v1/runs/run-1/cancel", headers=LEASE)
    record = ended(client)
    assert "cancelled" == record["state"]
    assert ["settle"] == [phase["name"] for phase in record["phases"]]


def test_cancel_of_an_ended_run_changes_nothing(client):
    """A cancel that comes too late leaves the record as it is."""
    record = carried_out(client, "trains")
    answer = client.post("/v1/runs/run-1/cancel", headers=LEASE)
    assert (202, record) == (answer.status_code, answer.json()["record"])


def test_delete_forgets_an_ended_run(client, settings):
    """A deleted run is unknown, and nothing of it stays on disk."""
    carried_out(client, "trains")
    assert 204 == client.delete("/v1/runs/run-1", headers=LEASE).status_code
    assert 404 == client.get("/v1/runs/run-1").status_code
    assert [] == list((settings.data_dir / "runs").iterdir())


def test_an_order_for_a_deleted_run_is_refused(client):
    """An order that arrives twice, the second time late, does not measure the run again; nor one that was ruled out."""
    carried_out(client, "trains")
    client.delete("/v1/runs/run-1", headers=LEASE)
    client.delete("/v1/runs/run-2", headers=LEASE)
    answers = [put(client, run_spec(name)) for name in ("run-1", "run-2", "run-3")]
    assert [410, 410, 200] == [answer.status_code for answer in answers]
    assert "'run-1' was deleted here" in answers[0].json()["detail"]


def test_delete_is_refused_while_the_run_goes_on(client):
    """A run that has not ended cannot be forgotten."""
    put(client, run_spec(model="waits-for-ever"))
    assert 409 == client.delete("/v1/runs/run-1", headers=LEASE).status_code


def test_long_poll_answers_when_something_changes(client):
    """A waiting GET comes back with the change, long before its time is over."""
    put(client, run_spec(model="waits-for-ever"))
    wait_until("the second step", lambda: client.get("/v1/runs/run-1").json()["done"] == 2)
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(client.get("/v1/runs/run-1?wait=60&state=running").json()))
    waiter.start()
    client.post("/v1/runs/run-1/cancel", headers=LEASE)
    waiter.join(30)
    assert ["cancelled"] == [answer["state"] for answer in answers]


def test_long_poll_answers_at_once_when_the_caller_is_behind(client):
    """A caller that names what it saw last is told at once if that is over."""
    put(client, run_spec(model="waits-for-ever"))
    wait_until("the second step", lambda: client.get("/v1/runs/run-1").json()["done"] == 2)
    answer = client.get("/v1/runs/run-1?wait=60&state=running&phase=measured&done=1").json()
    assert 2 == answer["done"]


def test_long_poll_ends_when_its_time_is_over(client):
    """Without a change the answer comes after the wait, and says that nothing changed."""
    put(client, run_spec(model="waits-for-ever"))
    wait_until("the second step", lambda: client.get("/v1/runs/run-1").json()["done"] == 2)
    assert "running" == client.get("/v1/runs/run-1?wait=0.3").json()["state"]


def test_a_caller_that_rests_is_told_of_the_end_alone(client):
    """Until its rest is over a caller that is behind waits on, but not beyond the run's end."""
    put(client, run_spec(model="waits-for-ever"))
    wait_until("the second step", lambda: client.get("/v1/runs/run-1").json()["done"] == 2)
    behind = "/v1/runs/run-1?wait=60&state=running&phase=measured&done=1"
    assert (2, "running") == _told(client.get(f"{behind}&rest=0.3"))  # not after all of the wait; that it rests, below
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(_told(client.get(f"{behind}&rest=60"))))
    waiter.start()
    client.post("/v1/runs/run-1/cancel", headers=LEASE)
    waiter.join(30)
    assert [(2, "cancelled")] == answers


def _told(answer):
    return answer.json()["done"], answer.json()["state"]


def test_smaller_token_is_refused(client):
    """Whoever held the lease before cannot change anything any more."""
    carried_out(client, "trains")
    old = {"X-Lease-Token": "6"}
    answers = [
        put(client, run_spec("run-2"), headers=old),
        client.post("/v1/runs/run-1/cancel", headers=old),
        client.delete("/v1/runs/run-1", headers=old),
    ]
    assert [409, 409, 409] == [answer.status_code for answer in answers]
    assert "has seen token 7" in answers[0].json()["detail"]


def test_record_on_disk_is_the_answer(client, settings):
    """What the API answers for an ended run is the file that a power cut cannot take."""
    carried_out(client, "trains")
    stored = json.loads((settings.data_dir / "runs/run-1/status.json").read_text())
    assert stored == client.get("/v1/runs/run-1").json()


@pytest.mark.parametrize("settings", [{"min_free_bytes": 2**100}], indirect=True)
def test_full_disk_refuses_a_run(client):
    """A run whose record might not fit is refused with what to do."""
    answer = put(client, run_spec())
    assert 507 == answer.status_code
    assert "Free some space" in answer.json()["detail"]


def test_a_run_that_goes_on_shows_its_trace(client):
    """Who asks for it is told what the run has shown; who does not is told nothing, and an ended run has a record."""
    put(client, run_spec(model="waits-for-ever"))
    wait_until("the second step", lambda: client.get("/v1/runs/run-1").json()["done"] == 2)
    traced = client.get("/v1/runs/run-1?trace_after=-1").json()["trace"]
    assert {"times_s", "power_w", "temperature_c", "step_s"} == set(traced)
    assert None is client.get("/v1/runs/run-1").json()["trace"]
    client.post("/v1/runs/run-1/cancel", headers=LEASE)
    ended(client)
    assert None is client.get("/v1/runs/run-1?trace_after=-1").json().get("trace")
