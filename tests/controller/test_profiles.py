"""Profiling on request: separate runs after the measured ones, whose files become the job's artefacts."""

import pytest

from tests.controller.lab import Lab

FILES = {"trace.json.gz": b"\x1f\x8b...", "operators.csv": b"operator,calls\n"}


def test_a_profiled_job_keeps_what_its_profiles_left(lab, agent):
    """Every variant runs once more at the end, unmeasured; its files can be had when the board has forgotten them."""
    agent.files = FILES
    job = lab.submit(profile=True)
    assert "finished" == lab.end_of(job)["state"]
    assert ["prepare", "measure", "measure", "profile", "profile"] == [spec.purpose for spec in agent.started]
    artefacts = lab.get(f"/v1/jobs/{job}/artefacts")
    assert [(v, n) for v in ("baseline", "filtered") for n in sorted(FILES)] == [
        (one["variant"], one["name"]) for one in artefacts
    ]
    first = artefacts[0]
    answer = lab.request("GET", f"/v1/runs/{first['run_id']}/artefacts/operators.csv")
    assert (FILES["operators.csv"], len(FILES["operators.csv"])) == (answer.content, first["size"])
    assert answer.headers["content-disposition"].startswith("attachment")
    assert f"/v1/runs/{first['run_id']}/artefacts/operators.csv" in lab.request("GET", f"/jobs/{job}").text
    assert 2 == len({row["run_id"] for row in lab.get(f"/v1/results?job={job}&limit=200")["items"]})


def test_a_profile_that_fails_harms_no_result(lab, agent):
    """The job ends as its measured runs say; the failed profile is among its runs with the reason."""
    agent.script = lambda spec: "failed" if spec.purpose == "profile" else "finished"
    job = lab.submit(profile=True)
    assert ("finished", "") == (lab.end_of(job)["state"], lab.get(f"/v1/jobs/{job}")["reason"])
    assert [] == lab.get(f"/v1/jobs/{job}/artefacts")
    assert ["failed", "failed"] == [run["state"] for run in lab.runs(job, "profile")]


def test_names_and_sizes_are_checked_again(lab, agent):
    """A board that names a file like a path, or sends too much, is not believed."""
    agent.files = {"../x": b"x", "large": bytes(17 * 1024 * 1024), "good": b"x"}
    job = lab.submit(profile=True)
    lab.end_of(job)
    assert ["good", "good"] == [one["name"] for one in lab.get(f"/v1/jobs/{job}/artefacts")]


def test_a_file_larger_than_an_answer_may_be_is_left_out(tmp_path, agent):
    """The others are kept, the run is recorded and the job ends as its measured runs say."""
    agent.files = {"large": bytes(100_000), "good": b"x"}
    with Lab(tmp_path, agent, largest_record_bytes=1 << 16) as lab:
        job = lab.submit(profile=True)
        assert ("finished", "") == (lab.end_of(job)["state"], lab.get(f"/v1/jobs/{job}")["reason"])
        assert ["good", "good"] == [one["name"] for one in lab.get(f"/v1/jobs/{job}/artefacts")]
        assert ["finished", "finished"] == [run["state"] for run in lab.runs(job, "profile")]


def test_without_the_wish_nothing_is_profiled(lab, agent):
    """A job that does not ask has no such runs."""
    lab.end_of(lab.submit())
    assert "profile" not in {spec.purpose for spec in agent.started}


def test_only_training_is_profiled(lab):
    """Single convolutions are refused by name, before anything runs."""
    shapes = [{"batch_size": 1, "in_channels": 1, "out_channels": 1, "height": 4, "width": 4}]
    spec = {"workload": {"kind": "conv_layer", "shapes": shapes}, "variants": [{"name": "a"}], "profile": True}
    answer = lab.request("POST", "/v1/jobs", json={**spec, "device": {"name": "this-computer"}})
    assert (422, True) == (answer.status_code, "profile needs a workload of kind training" in answer.text)


@pytest.mark.parametrize("path", ["/v1/jobs/9/artefacts", "/v1/runs/none/artefacts/trace"])
def test_what_is_not_there_is_said(lab, path):
    """An unknown job or file is a 404."""
    assert 404 == lab.request("GET", path).status_code
