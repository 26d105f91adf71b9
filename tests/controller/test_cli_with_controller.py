"""The command line and the client against the real controller: what one promises, the other keeps."""

import csv
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from controller.client import Client, ControllerError
from tests.controller.fake_agent import HOLD
from tests.controller.samples import DEVICE, job_document

GRADFILTER = Path(sys.executable).with_name("gradfilter")


@pytest.fixture
def gradfilter(lab):
    """Run a command against the controller; anything but success fails the test unless a status is given."""

    def call(*arguments, stdin="", status=0):
        environment = {**os.environ, "GRADFILTER_CONTROLLER": lab.server.url}
        command = [str(GRADFILTER), *arguments]
        result = subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, check=False)
        assert status == result.returncode, result.stderr
        return result

    return call


@pytest.fixture
def client(lab):
    with Client(lab.server.url, sleep=lambda seconds: None) as connected:
        yield connected


class TestWalk:
    def test_from_submission_to_results(self, gradfilter):
        """A job file becomes a comparison, every listing shows the job, and the results are in every format."""
        compared = gradfilter("submit", "-", "--wait", stdin=json.dumps(job_document()))
        assert "filtered" in compared.stdout
        assert compared.stderr.endswith("job 1 · run 2 of 2 · finished\n")
        assert "finished" in gradfilter("jobs", "--state", "finished").stdout
        assert "filtered" in gradfilter("runs", "1").stdout
        rows = list(
            csv.DictReader(io.StringIO(gradfilter("results", "--metric", "backward", "--format", "csv").stdout))
        )
        assert {"baseline", "filtered"} == {row["variant"] for row in rows}
        assert "backward" in gradfilter("results", "--job", "1", "--variant", "filtered").stdout

    @pytest.mark.parametrize(
        ("report_format", "mark"), [("txt", "step time"), ("md", "|"), ("html", "<html"), ("csv", ","), ("json", "{")]
    )
    def test_every_format_of_a_report(self, gradfilter, lab, report_format, mark):
        """A report can be had in each format that the command line offers."""
        lab.end_of(lab.submit())
        assert mark in gradfilter("report", "1", "--format", report_format).stdout

    @pytest.mark.parametrize(("picture", "start"), [("svg", b"<svg"), ("png", b"\x89PNG")])
    def test_charts_of_a_report(self, gradfilter, lab, tmp_path, picture, start):
        """Every chart of the page is a file of its own, named by its title."""
        lab.end_of(lab.submit())
        said = gradfilter("report", "1", "--format", picture, "--output", str(tmp_path / "charts")).stderr
        first, *others = sorted((tmp_path / "charts").iterdir())
        assert f"01-where-a-step-s-time-goes.{picture}" == first.name
        assert {start} == {path.read_bytes()[: len(start)] for path in (first, *others)}
        assert said.startswith(f"{1 + len(others)} files written into ")

    def test_flags_make_a_job_that_is_accepted(self, gradfilter):
        """A job from flags is accepted as it stands."""
        methods = ["--method", "gradient_filter:patch_size=2,last=2"]
        text = gradfilter("submit", "--model", "tiny_cnn", "--device", DEVICE, "--repetitions", "1", *methods).stdout
        assert text.startswith("job 1 is ")

    def test_a_refused_job_names_the_field(self, gradfilter):
        """A model that no board has is refused with the field and what there is."""
        job = json.dumps(job_document(workload={"kind": "training", "model": "resnet81"}))
        errors = gradfilter("submit", "-", stdin=job, status=2).stderr
        assert "workload.model" in errors
        assert "resnet18" in errors

    def test_cancel(self, gradfilter, lab, agent):
        """A running job is cancelled; a second time changes nothing, and an unknown job is the user's error."""
        agent.script = lambda spec: HOLD
        lab.submit()
        agent.wait_for_active("prepare")
        assert ["job 1 is cancelled.\n"] * 2 == [gradfilter("cancel", "1").stdout for _ in range(2)]
        assert "there is no job" in gradfilter("cancel", "99", status=2).stderr


class TestDevices:
    def test_the_life_of_a_board(self, gradfilter, agent):
        """A board is shown, put into maintenance, added under another name and removed."""
        assert "gradient_filter" in gradfilter("devices", "show", DEVICE).stdout
        gradfilter("devices", "change", DEVICE, "--maintenance")
        assert "maintenance" in gradfilter("devices").stdout
        assert "online" in gradfilter("devices", "add", "again", agent.url, "--tag", "desk").stdout
        gradfilter("devices", "remove", "again")
        assert "again" not in gradfilter("devices", "list").stdout

    def test_a_name_that_is_taken(self, gradfilter, agent):
        """A second board of one name is refused in words."""
        assert "registered already" in gradfilter("devices", "add", DEVICE, agent.url, status=2).stderr


class TestClient:
    def test_watch_survives_a_restart(self, client, lab, agent):
        """A controller that is restarted in the middle of a job loses its watcher for a moment only."""
        agent.script = lambda spec: HOLD if spec.purpose == "measure" and spec is agent.measured[0] else "finished"
        job = lab.submit()
        views = client.watch(job)
        states = [next(views).state]
        held = agent.wait_for_active()
        lab.restart()
        threading.Timer(0.2, agent.end, [held.run_id]).start()
        states += [view.state for view in views]
        assert "finished" == states[-1]

    def test_results_and_series_are_frames(self, client, lab):
        """Metrics across jobs and the raw readings of a run come as DataFrames."""
        lab.end_of(lab.submit())
        results = client.results(model="tiny_cnn", method="gradient_filter", metric="backward")
        assert ([0.2], ["s"]) == (list(results["value"]), list(results["unit"]))
        assert ["gradient_filter"] == results["methods"][0]
        run = client.runs("1")[-1]
        assert len(client.series(run.id)) > 0

    def test_a_refusal_carries_its_fields(self, client):
        """A job without a workload is refused with the field that is missing."""
        with pytest.raises(ControllerError) as caught:
            client.submit({"variants": [{"name": "baseline"}], "device": {"name": DEVICE}})
        assert "workload" in dict(caught.value.fields)
