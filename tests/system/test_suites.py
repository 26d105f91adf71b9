"""Suites as a user runs them: the command line, the real services, and the reports that come out."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.system.lab import BIN, DEVICE

pytestmark = pytest.mark.system

ACCURACY_JOBS = ("patch-sizes", "maps-2x2", "maps-3x3", "maps-5x5", "segmentation-deeplabv3", "segmentation-upernet")
NEAR_ENOUGH = 0.03  # of accuracy: what filtering with patch 2 may cost on maps of 4x4


def run_suite(lab, *arguments):
    command = [str(BIN / "gradfilter"), "suite", "run", *arguments, "--device", DEVICE, "--wait"]
    command += ["--controller", lab.controller_url]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def newest_report(lab, report_format):
    job = lab.get("/v1/jobs?limit=1")["items"][0]["id"]
    return lab.request("GET", f"/v1/jobs/{job}/report.{report_format}").text


def runs_of(lab, variant):
    """The records of a variant's runs in the newest job."""
    runs = lab.runs(lab.get("/v1/jobs?limit=1")["items"][0]["id"])
    return [lab.get(f"/v1/runs/{run['id']}") for run in runs if run["variant"] == variant]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_smoke_suite_does_every_kind_of_job(shared_lab):
    """Classification, single layers and segmentation end well, and each job's report is printed."""
    result = run_suite(shared_lab, "smoke")
    assert (0, 3) == (result.returncode, result.stdout.count("state finished")), result.stderr
    assert "mIoU" in result.stdout
    assert "forward and backward of 1 single convolution" in result.stdout


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", ACCURACY_JOBS)
def test_accuracy_is_reported_with_its_interval(shared_lab, name):
    """Every variant's accuracy stands beside the baseline's; patch 2 on maps of 4x4 costs at most three points."""
    result = run_suite(shared_lab, "accuracy", "--only", name)
    assert 0 == result.returncode, result.stderr
    report = json.loads(newest_report(shared_lab, "json"))
    metric = "test_miou" if name.startswith("segmentation") else "test_accuracy"
    judged = {variant["variant"]: variant["parts"][0]["metrics"][metric] for variant in report["variants"]}
    for variant in list(judged)[1:]:
        assert judged[variant]["difference"]["low"] < judged[variant]["difference"]["high"]
    if name == "patch-sizes":
        assert -NEAR_ENOUGH <= judged["patch2"]["difference"]["value"]
        assert 0.95 < report["environment"]["pretraining_accuracy"]
    keep(result.stdout, f"accuracy-{name}")


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_all_methods_are_compared_and_their_claims_hold(shared_lab):
    """Every variant ends well; less is kept where that is claimed, and what is dropped or computed less costs less."""
    result = run_suite(shared_lab, "all-methods", "--only", "training")
    assert 0 == result.returncode, result.stderr
    keep(result.stdout, "all-methods")
    report = json.loads(newest_report(shared_lab, "json"))
    found = {variant["variant"]: variant["parts"][0]["metrics"] for variant in report["variants"]}

    def value(variant, metric):
        return found[variant][metric]["estimate"]["value"]

    assert {3} == {variant["runs_valid"] for variant in report["variants"]}
    for variant in ("lean", "comet", "low-rank", "da3", "bias-only", "head-only", "checkpointing", "select"):
        assert value(variant, "saved_activation_bytes") < value("baseline", "saved_activation_bytes")
    for variant in ("comet", "da3"):
        assert value(variant, "peak_rss_bytes") < value("baseline", "peak_rss_bytes")
    assert 0 < value("drop-half", "kept_batches") < 1
    for run in runs_of(shared_lab, "drop-half"):
        dropped = [step for step in run["steps"] if step["loss"] is None]
        assert dropped
        assert {0.0} == {step[part] for step in dropped for part in ("forward_s", "backward_s", "optimizer_s")}
    for run in runs_of(shared_lab, "select"):
        assert all("% of the samples" in layer["run"] for layer in run["outcome"]["layers"])
    assert "simulated" not in {metric["kind"] for metrics in found.values() for metric in metrics.values()}


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("job", ["signs", "simulated"])
def test_the_other_jobs_of_all_methods_end_well(shared_lab, job):
    """Sign gradients with a learning rate of their own, and the network on a simulated array."""
    result = run_suite(shared_lab, "all-methods", "--only", job)
    assert (0, 1) == (result.returncode, result.stdout.count("state finished")), result.stderr
    keep(result.stdout, f"all-methods-{job}")


def keep(report: str, name: str) -> None:
    """Leave the report where make test-long collects them; elsewhere nothing is kept."""
    if folder := os.environ.get("KEPT_REPORTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.txt").write_text(report)
