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
    keep(result.stdout, name)


def keep(report: str, name: str) -> None:
    """Leave the report where make test-long collects them; elsewhere nothing is kept."""
    if folder := os.environ.get("KEPT_REPORTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"accuracy-{name}.txt").write_text(report)
