"""The main job, end to end, through real processes: submit, follow, read the comparison and the raw data."""

import io
import signal

import httpx2
import pandas as pd
import pytest

from tests.system.lab import DEVICE, tiny_job, wait_for

pytestmark = pytest.mark.system


def test_a_job_becomes_a_comparison(shared_lab):
    """A submitted job ends with one finished run per slot, and its report compares the variants."""
    job = shared_lab.submit(tiny_job())
    view = shared_lab.wait_until_final(job)
    assert ("finished", "") == (view["state"], view["reason"])
    runs = shared_lab.runs(job)
    assert {(1, "baseline"), (1, "filtered"), (2, "baseline"), (2, "filtered")} == {
        (run["block"], run["variant"]) for run in runs
    }
    assert {"finished"} == {run["state"] for run in runs}

    report = shared_lab.get(f"/v1/jobs/{job}/report.json")
    baseline, filtered = report["variants"]
    for metric in ("step_time", "forward", "backward", "optimizer", "peak_rss_bytes", "test_accuracy", "test_loss"):
        assert baseline["parts"][0]["metrics"][metric]["estimate"]["n"] == 2
    saved = filtered["parts"][0]["metrics"]["saved_activation_bytes"]
    assert saved["ratio"]["value"] < 1
    energy = baseline["parts"][0]["metrics"]["energy_per_step"]
    assert energy["estimate"] is not None or "sensor" in energy["unmeasured"]

    for suffix, media_type in (("html", "text/html"), ("md", "text/markdown"), ("csv", "text/csv")):
        response = shared_lab.request("GET", f"/v1/jobs/{job}/report.{suffix}")
        assert (200, True) == (response.status_code, response.headers["content-type"].startswith(media_type))
        assert "filtered" in response.text


def test_raw_data_and_results_can_be_had(shared_lab):
    """The record, the sensor series and the metrics across jobs come out as they were measured."""
    job = shared_lab.submit(tiny_job(repetitions=1))
    shared_lab.wait_until_final(job)
    run = shared_lab.runs(job)[0]

    record = shared_lab.get(f"/v1/runs/{run['id']}")
    assert 20 == sum(step["phase"] == "measured" for step in record["steps"])
    assert {"setup", "warm_up", "measured", "evaluation"} <= {phase["name"] for phase in record["phases"]}

    parquet = shared_lab.request("GET", f"/v1/runs/{run['id']}/series.parquet").content
    series = pd.read_parquet(io.BytesIO(parquet))
    csv = pd.read_csv(io.StringIO(shared_lab.request("GET", f"/v1/runs/{run['id']}/series.csv").text))
    assert len(series) == len(csv) > 0

    accuracy = shared_lab.get(
        f"/v1/results?job={job}&metric=test_accuracy&model=tiny_cnn&method=gradient_filter&device={DEVICE}"
    )
    assert [0.0 <= item["value"] <= 1.0 for item in accuracy["items"]] == [True]


def test_conv_layer_job_reports_each_shape(shared_lab):
    """The layer experiment reports forward and backward of every shape, and says that a layer is not a step."""
    shapes = [{"batch_size": 2, "in_channels": 8, "out_channels": 8, "height": size, "width": size} for size in (8, 16)]
    spec = tiny_job(repetitions=1)
    spec["workload"] = {"kind": "conv_layer", "shapes": shapes, "measured_steps": 3, "threads": 1}
    spec["variants"][1]["methods"][0]["options"] = {"patch_size": 2}
    job = shared_lab.submit(spec)
    assert shared_lab.wait_until_final(job)["state"] == "finished"
    report = shared_lab.get(f"/v1/jobs/{job}/report.json")
    parts = [part for part in report["variants"][1]["parts"] if part["part"]]
    assert 2 == len(parts)
    assert all(part["metrics"]["backward"]["estimate"]["value"] > 0 for part in parts)
    assert "layer_speedup_only" in {concern["code"] for concern in report["concerns"]}


def test_a_workload_that_cannot_be_is_refused_before_any_run(shared_lab):
    """More trainable layers than the model has: the board refuses in words, and nothing is measured."""
    job = shared_lab.submit(tiny_job(workload={"trainable": "last:99"}))
    view = shared_lab.wait_until_final(job)
    assert "failed" == view["state"]
    assert "trainable" in view["reason"]
    assert [] == shared_lab.runs(job)


def test_a_diverging_run_is_a_failed_result(shared_lab):
    """A loss that is no longer finite ends its run as failed with the reason, and is not tried again."""
    diverging = {"learning_rate": 1000.0, "weight_decay": 1000.0}
    job = shared_lab.submit(tiny_job(repetitions=1, workload={"optimizer": diverging}))
    assert shared_lab.wait_until_final(job)["state"] == "failed"
    runs = shared_lab.runs(job)
    assert ["failed", "failed"] == [run["state"] for run in runs]
    assert all("loss" in run["failure"] for run in runs)


@pytest.mark.parametrize(
    ("change", "field", "offered"),
    [
        ({"workload": {"model": "resnet81"}}, "workload.model", "resnet18"),
        ({"workload": {"dataset": "digit"}}, "workload.dataset", "digits"),
        ({"workload": {"batch_size": 0}}, "batch_size", "at least 1"),
        ({"device": {"name": "bench-2"}}, "device", DEVICE),
        ({"device": {"tags": ["nano"]}}, "device", "desk"),
        ({"variants": [{"name": "a", "methods": [{"name": "gradfilter"}]}]}, "variants", "gradient_filter"),
    ],
)
def test_bad_input_names_the_field_and_what_is_offered(shared_lab, change, field, offered):
    """What this lab cannot do is a 422 problem that names the field, the value given and what there is."""
    response = shared_lab.request("POST", "/v1/jobs", json=tiny_job(**change))
    assert (422, "application/problem+json") == (response.status_code, response.headers["content-type"])
    errors = response.json()["errors"]
    assert any(field in error["field"] and offered in error["message"] for error in errors), errors


def test_a_job_for_an_unreachable_board_waits_and_says_so(lab):
    """With its agent gone a job stays queued or running, and the reason is in its progress."""
    lab.agent.end(signal.SIGTERM)
    job = lab.submit(tiny_job())
    waiting = wait_for(
        "a word on what the job waits for", lambda: lab.get(f"/v1/jobs/{job}")["progress"]["waiting_for"] or None
    )
    assert DEVICE in waiting or lab.agent_url in waiting
    assert httpx2.codes.OK == lab.request("POST", f"/v1/jobs/{job}/cancel").status_code
    assert "cancelled" == lab.wait_until_final(job)["state"]
