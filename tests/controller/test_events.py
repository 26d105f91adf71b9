"""Following a job: server-sent events, for any number of watchers, until its final state."""

import json
import threading

import httpx2
import pytest

from tests.controller.fake_agent import HOLD


def follow(lab, job):
    """All views of a job's event stream, to its end."""
    views = []
    with httpx2.stream("GET", f"{lab.server.url}/v1/jobs/{job}/events", timeout=20, trust_env=False) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data: "):
                views.append(json.loads(line.removeprefix("data: ")))
            else:
                assert line in ("", "event: job") or line.startswith(":")
    return views


def test_a_job_is_followed_to_its_end(lab):
    """The stream begins with the job as it is, tells its runs, and closes after the final state."""
    lab.agent.script = lambda spec: HOLD if spec.purpose == "measure" else "finished"
    job = lab.submit()
    run = lab.agent.wait_for_active().run_id

    def go_on():
        lab.agent.script = lambda spec: "finished"
        lab.agent.end(run)

    timer = threading.Timer(0.3, go_on)
    timer.start()
    views = follow(lab, job)
    timer.join()
    assert "running" == views[0]["state"]
    assert run in {view["progress"]["running"]["run_id"] for view in views if view["progress"]["running"]}
    assert ("finished", 2) == (views[-1]["state"], views[-1]["progress"]["runs_done"])
    assert views[-1] == lab.get(f"/v1/jobs/{job}")
    assert ["finished"] == [view["state"] for view in views if view["state"] == "finished"]


def test_an_ended_job_is_told_once(lab):
    """Following a job that has ended gives its final state and closes."""
    job = lab.submit()
    lab.end_of(job)
    assert ["finished"] == [view["state"] for view in follow(lab, job)]


@pytest.mark.parametrize("watchers", [5])
def test_many_watchers_all_see_the_end(lab, watchers):
    """Every watcher gets the final state, also of a job that is cancelled in the queue."""
    lab.request("PATCH", "/v1/devices/this-computer", json={"maintenance": True})
    job = lab.submit()
    ends = []
    threads = [threading.Thread(target=lambda: ends.append(follow(lab, job)[-1]["state"])) for _ in range(watchers)]
    for thread in threads:
        thread.start()
    lab.request("POST", f"/v1/jobs/{job}/cancel")
    for thread in threads:
        thread.join()
    assert ["cancelled"] * watchers == ends
