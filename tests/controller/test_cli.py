"""The command line as a user meets it: a real process against a controller that speaks real HTTP."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from controller.analysis.judgement_plan import JudgementPlan
from controller.jobs import RunningNow
from tests.controller.fake_controller import (
    MEASURING,
    Answer,
    device,
    events,
    job,
    listed,
    problem,
    run,
)

GRADFILTER = Path(sys.executable).with_name("gradfilter")


@pytest.fixture
def gradfilter(fake):
    """Run a command against the fake and return what it printed and its status."""

    def call(*arguments, stdin="", **environment):
        environment = {**os.environ, "GRADFILTER_CONTROLLER": fake.url, **environment}
        command = [str(GRADFILTER), *arguments]
        return subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, check=False)

    return call


class TestSubmit:
    def test_a_file(self, fake, gradfilter, tmp_path):
        """A job file is sent as it stands, with the flags' fields replaced, and the answer says how to go on."""
        path = tmp_path / "job.json"
        path.write_text('{"variants": [], "repetitions": 8}')
        fake.on("POST /v1/jobs", Answer(asdict(job("queued")), status=201))
        result = gradfilter("submit", str(path), "--repetitions", "2", "--device", "nano-1")
        assert (0, "") == (result.returncode, result.stderr)
        assert {"variants": [], "repetitions": 2, "device": {"name": "nano-1"}} == fake.requests[0][1]
        assert f"job 7 is queued; watch it with `gradfilter watch 7 --controller {fake.url}`\n" == result.stdout

    def test_standard_input(self, fake, gradfilter):
        """A dash reads the job from standard input."""
        fake.on("POST /v1/jobs", Answer(asdict(job("queued")), status=201))
        assert 0 == gradfilter("submit", "-", stdin='{"note": "piped"}').returncode
        assert {"note": "piped"} == fake.requests[0][1]

    def test_flags(self, fake, gradfilter):
        """Flags make a training job with the baseline first; what was not typed is left to the defaults."""
        fake.on("POST /v1/jobs", Answer(asdict(job("queued")), status=201))
        methods = ["--method", "p2=gradient_filter:patch_size=2", "--method", "p4=gradient_filter:patch_size=4"]
        start = ["--weights", "file:mine.npz", "--epochs", "3", "--pretraining", "--dtype", "bfloat16"]
        gradfilter("submit", "--model", "resnet18", "--tag", "jetson", "--quick", *start, *methods)
        sent = fake.requests[0][1]
        typed = {"model": "resnet18", "weights": "file:mine.npz", "epochs": 3, "pretraining": {}, "dtype": "bfloat16"}
        assert {"kind": "training", **typed} == sent["workload"]
        assert ["baseline", "p2", "p4"] == [variant["name"] for variant in sent["variants"]]
        assert ({"tags": ["jetson"]}, True) == (sent["device"], sent["quick"])

    def test_it_says_what_the_tests_can_say(self, fake, gradfilter):
        """How many blocks a verdict needs is known before the job starts."""
        plan = JudgementPlan(3, 7, 5, able=False, sentence="3 tests need 7 blocks")
        fake.on("POST /v1/jobs", Answer(asdict(replace(job("queued"), judgement=plan)), status=201))
        assert "3 tests need 7 blocks" in gradfilter("submit", "-", stdin="{}").stderr

    def test_a_control_is_the_baseline_twice(self, fake, gradfilter):
        """Plain training against itself, on one board."""
        fake.on("POST /v1/jobs", Answer(asdict(job("queued")), status=201))
        assert 0 == gradfilter("control", "--device", "nano-1", "--model", "tiny_cnn").returncode
        sent = fake.requests[0][1]
        assert ("control", {"name": "nano-1"}) == (sent["purpose"], sent["device"])
        assert [("baseline", []), ("again", [])] == [(v["name"], v["methods"]) for v in sent["variants"]]

    def test_wait_ends_with_the_comparison(self, fake, gradfilter):
        """--wait shows the progress on standard error and the comparison alone on standard output."""
        fake.on("POST /v1/jobs", Answer(asdict(job("queued")), status=201))
        fake.on("GET /v1/jobs/7/events", events(job(running=MEASURING), job("finished", done=6)))
        fake.on("GET /v1/jobs/7/report.txt", Answer(b"the comparison\n", media_type="text/plain"))
        result = gradfilter("submit", "-", "--wait", stdin="{}")
        assert (0, "the comparison\n") == (result.returncode, result.stdout)
        assert "run 3 of 6 · filtered · block 2 · warm-up" in result.stderr

    def test_a_refused_job_lists_its_fields(self, fake, gradfilter):
        """What the controller refuses is shown with the fields at fault, as the user's error."""
        errors = [{"field": "workload.model", "message": "'x' is unknown; there is resnet18."}]
        fake.on("POST /v1/jobs", problem(422, "the job cannot be run.", errors))
        result = gradfilter("submit", "-", stdin="{}")
        assert 2 == result.returncode
        expected = "gradfilter: the job cannot be run.\n  workload.model: 'x' is unknown; there is resnet18.\n"
        assert expected == result.stderr

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ([], "submit needs a job file, or --model"),
            (["nowhere.json"], "cannot read the job file 'nowhere.json': No such file"),
            (["--model", "resnet18"], "give --device NAME or --tag TAG"),
            (["job.json", "--batch-size", "4", "--method", "m"], "leave out --batch-size, --method"),
            (["--model", "resnet18", "--device", "a", "--method", "m:p"], "--method must be"),
        ],
    )
    def test_what_was_typed_is_at_fault(self, fake, gradfilter, arguments, sentence):
        """A job that cannot be made is refused in one sentence, with nothing sent."""
        result = gradfilter("submit", *arguments)
        assert (2, []) == (result.returncode, fake.requests)
        assert sentence in result.stderr
        assert 1 == len(result.stderr.splitlines())


class TestWatch:
    def test_a_failed_job_is_a_failure(self, fake, gradfilter):
        """The comparison of a failed job is still printed, its reason too, and the status is 1."""
        fake.on("GET /v1/jobs/7/events", events(job("failed", reason="filtered ran out of memory.")))
        fake.on("GET /v1/jobs/7/report.txt", Answer(b"what there is", media_type="text/plain"))
        result = gradfilter("watch", "7")
        assert (1, "what there is\n") == (result.returncode, result.stdout)
        assert result.stderr.endswith("gradfilter: job 7 is failed: filtered ran out of memory.\n")

    def test_without_a_run_there_is_no_comparison(self, fake, gradfilter):
        """A job that was refused before its first run has a reason and no report."""
        fake.on("GET /v1/jobs/7/events", events(job("failed", done=0, reason="last:99 is too many.")))
        result = gradfilter("watch", "7")
        assert (1, "") == (result.returncode, result.stdout)
        assert "last:99 is too many." in result.stderr

    def test_interrupting_leaves_the_job_running(self, fake):
        """Ctrl-C ends the watching, says how to go on, and cancels nothing."""
        fake.on("GET /v1/jobs/7/events", events(job(running=RunningNow(**vars(MEASURING)))))
        environment = {**os.environ, "GRADFILTER_CONTROLLER": fake.url}
        command = [str(GRADFILTER), "watch", "7"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as watching:
            first = watching.stderr.readline()
            watching.send_signal(signal.SIGINT)
            rest = watching.stderr.read()
        assert "run 3 of 6" in first
        assert 130 == watching.returncode
        assert "job 7 keeps running; watch it again with `gradfilter watch 7" in rest
        assert "Traceback" not in rest
        assert {"GET /v1/jobs/7/events"} == {request for request, _ in fake.requests}


class TestReading:
    def test_lists(self, fake, gradfilter):
        """Jobs, runs, devices and results are tables of one row each."""
        fake.on("GET /v1/jobs", listed(job()))
        fake.on("GET /v1/jobs/7/runs", listed(run(state="failed", failure="out of memory")))
        fake.on("GET /v1/devices", listed(device()))
        row = {"job_id": "7", "model": "resnet18", "metric": "backward", "value": 0.0123456, "unit": "s", "part": None}
        fake.on("GET /v1/results?model=resnet18", Answer({"items": [row], "next": None}))
        assert "nano-1" in gradfilter("jobs").stdout
        assert "out of memory" in gradfilter("runs", "7").stdout
        assert "http://nano-1:8101" in gradfilter("devices").stdout
        assert "0.01235" in gradfilter("results", "--model", "resnet18").stdout

    def test_empty_lists_say_what_to_do(self, fake, gradfilter):
        """A list without rows prints nothing on standard output and the next step on standard error."""
        fake.on("GET /v1/devices", listed())
        result = gradfilter("devices", "list")
        assert (0, "") == (result.returncode, result.stdout)
        assert "gradfilter devices add NAME URL" in result.stderr

    def test_results_as_a_document(self, fake, gradfilter, tmp_path):
        """A document of the controller is written to a file unchanged."""
        fake.on("GET /v1/results.csv?metric=backward", Answer(b"metric,value\nbackward,1\n", media_type="text/csv"))
        path = tmp_path / "results.csv"
        assert 0 == gradfilter("results", "--metric", "backward", "--format", "csv", "--output", str(path)).returncode
        assert "metric,value\nbackward,1\n" == path.read_text()

    def test_a_report_to_a_file(self, fake, gradfilter, tmp_path):
        """--output writes the report and leaves standard output empty."""
        fake.on("GET /v1/jobs/7/report.html", Answer(b"<html></html>", media_type="text/html"))
        path = tmp_path / "report.html"
        result = gradfilter("report", "7", "--format", "html", "--output", str(path))
        assert (0, "", "<html></html>") == (result.returncode, result.stdout, path.read_text())

    def test_a_file_that_cannot_be_written(self, fake, gradfilter):
        """A folder that is not there is the user's error, in one sentence."""
        fake.on("GET /v1/jobs/7/report.txt", Answer(b"x", media_type="text/plain"))
        result = gradfilter("report", "7", "--output", "/nowhere/report.txt")
        assert (2, "gradfilter: cannot write '/nowhere/report.txt': No such file or directory.\n") == (
            result.returncode,
            result.stderr,
        )


class TestDevices:
    def test_add(self, fake, gradfilter):
        """A board is added with name, address and tags."""
        fake.on("POST /v1/devices", Answer(asdict(device()), status=201))
        result = gradfilter("devices", "add", "nano-1", "http://nano-1:8101", "--tag", "desk", "--tag", "old")
        assert (0, "device nano-1 is online\n") == (result.returncode, result.stdout)
        assert ["desk", "old"] == fake.requests[0][1]["tags"]

    def test_maintenance(self, fake, gradfilter):
        """A board is taken out of service without touching anything else."""
        fake.on("PATCH /v1/devices/nano-1", Answer(asdict(device(health="maintenance"))))
        assert "maintenance" in gradfilter("devices", "change", "nano-1", "--maintenance").stdout
        assert {"maintenance": True} == fake.requests[0][1]

    def test_an_address_that_is_none(self, gradfilter):
        """An address without a scheme is refused before anything is sent."""
        result = gradfilter("devices", "add", "nano-1", "nano-1:8101")
        assert 2 == result.returncode
        assert "like http://nano-1:8101" in result.stderr


class TestErrors:
    @pytest.mark.parametrize("before", [True, False])
    def test_nobody_there(self, gradfilter, before):
        """Where nothing listens, the address tried is named, wherever it was typed, and how to start a controller."""
        where = ["--controller", "http://127.0.0.1:1"]
        result = gradfilter(*([*where, "jobs"] if before else ["jobs", *where]))
        assert (1, "") == (result.returncode, result.stdout)
        assert "no controller answers at http://127.0.0.1:1" in result.stderr
        assert "`gradfilter controller`" in result.stderr
        assert 1 == len(result.stderr.splitlines())

    def test_an_unknown_job(self, gradfilter):
        """The controller's sentence about a missing job is the user's error."""
        result = gradfilter("cancel", "99")
        assert (2, "gradfilter: there is no /v1/jobs/99/cancel.\n") == (result.returncode, result.stderr)

    def test_a_wrong_flag(self, gradfilter):
        """An unknown format is refused with the formats there are."""
        result = gradfilter("report", "7", "--format", "pdf")
        assert 2 == result.returncode
        assert "html" in result.stderr


def test_starting_loads_nothing_heavy():
    """The command line starts without pandas, SQLAlchemy and the service."""
    heavy = ["pandas", "numpy", "sqlalchemy", "fastapi", "uvicorn", "torch"]
    code = f"import json, sys, controller.cli; print(json.dumps(sorted(set({heavy!r}) & set(sys.modules))))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [] == json.loads(result.stdout)
