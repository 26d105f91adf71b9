"""An agent that starts again after a SIGKILL in the middle of a run: one such story, looked at from all sides."""

import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.agent.service import LEASE, AgentService, await_gone, run_spec

TORN = b"\x00" * 512 + b"\n0 12.\n1 x y z\n" + b'{"event": "step", "ind'  # as a power cut may leave a file


@pytest.fixture(scope="module")
def story(shared_service):
    """run-1 had finished, run-2 was deleted, run-3 was going on when the agent was killed and started again."""
    agent = shared_service
    agent.put(run_spec("run-1"))
    finished = agent.await_end("run-1")
    agent.put(run_spec("run-2"))
    agent.await_end("run-2")
    assert 204 == agent.http.delete("/v1/runs/run-2", headers=LEASE).status_code
    agent.put(run_spec("run-3", model="waits-for-ever", limits={"run_s": 60, "settle_s": 0.3}))
    agent.await_phase("run-3", "measured")
    children = agent.children()
    agent.end(signal.SIGKILL)
    await_gone(children)
    tear(agent.data_dir / "runs")
    agent.start()
    return agent, finished, children


def tear(runs):
    for name in ("events.jsonl", "samples.txt"):
        with (runs / "run-3" / name).open("ab") as file:
            file.write(TORN)
    (runs / "broken").mkdir()
    (runs / "broken" / "spec.json").write_bytes(b"\x00" * 64)


def test_nothing_outlives_a_killed_agent(story):
    """Worker and sampler ended by themselves."""
    _, _, children = story
    assert [] == [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_finished_record_survives(story):
    """A record that was there before is there afterwards, unchanged."""
    agent, finished, _ = story
    assert finished == agent.status("run-1")["record"]


def test_deleted_run_stays_deleted(story):
    """What was forgotten is neither recovered nor done again."""
    agent, _, _ = story
    assert 404 == agent.http.get("/v1/runs/run-2").status_code
    assert 410 == agent.http.put("/v1/runs/run-2", json=run_spec("run-2"), headers=LEASE).status_code


def test_abandoned_run_is_lost_with_its_data(story):
    """It has the steps, phases, readings and log that had reached the disk; torn lines cost only themselves."""
    agent, _, _ = story
    record = agent.status("run-3")["record"]
    assert ("lost", "lost") == (record["state"], record["failure"]["kind"])
    assert [0, 1] == [step["index"] for step in record["steps"]]
    assert ["settle", "setup", "measured"] == [phase["name"] for phase in record["phases"]]
    assert "2.13.0" == record["environment"]["torch"]
    assert "waiting\n" == record["log_tail"]
    assert any(one["times_s"] for one in record["series"])
    assert record["started_at"]


def test_last_phase_of_a_lost_run_ends_with_its_last_step(story):
    """What happened after the last word is not known, so the phase does not cover it."""
    agent, _, _ = story
    record = agent.status("run-3")["record"]
    step = record["steps"][-1]
    end = step["start_s"] + step["forward_s"] + step["backward_s"] + step["optimizer_s"]
    assert pytest.approx(end) == record["phases"][-1]["end_s"]


def test_highest_token_survives(story):
    """A lease that was over before the restart is over after it."""
    agent, _, _ = story
    answer = agent.http.put("/v1/runs/run-9", json=run_spec("run-9"), headers={"X-Lease-Token": "6"})
    assert 409 == answer.status_code


def test_folder_that_cannot_be_read_is_set_aside(story):
    """It neither keeps the agent from starting nor is it thrown away."""
    agent, _, _ = story
    assert 404 == agent.http.get("/v1/runs/broken").status_code
    assert 1 == len(list((agent.data_dir / "runs").glob(".unreadable-broken-*")))


def test_board_takes_the_next_run(story):
    """A lost run does not block the board."""
    agent, _, _ = story
    agent.put(run_spec("run-4"))
    assert "finished" == agent.await_end("run-4")["state"]


def test_a_token_that_nobody_can_exceed_locks_no_board_for_ever(tmp_path):
    """Whoever is refused learns which file to remove, and then the board obeys the lab's controllers again."""
    agent = AgentService(tmp_path)
    try:
        agent.start()
        agent.http.delete("/v1/runs/never", headers={"X-Lease-Token": str(2**63 - 1)})
        refusal = agent.http.put("/v1/runs/run-1", json=run_spec(), headers=LEASE)
        assert 409 == refusal.status_code
        [file] = re.findall(r"remove (\S+) and start it again", refusal.json()["detail"])
        agent.end(signal.SIGTERM)
        Path(file).unlink()
        agent.start()
        agent.put(run_spec())
    finally:
        agent.close()
