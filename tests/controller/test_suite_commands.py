"""`gradfilter suite` as a user meets it: real processes against a scripted controller, and against the real one."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.controller.fake_controller import MEASURING, Answer, device, events, job, listed, problem
from tests.controller.samples import DEVICE, description

GRADFILTER = Path(sys.executable).with_name("gradfilter")
SMALL_BOARD = device(description=description(memory_bytes=1_000_000_000))


@pytest.fixture
def gradfilter(fake):
    """Run a suite's command against the fake and return what it printed and its status."""
    fake.on("GET /v1/devices", listed(SMALL_BOARD))

    def call(*arguments):
        command = [str(GRADFILTER), "suite", *arguments]
        environment = {**os.environ, "GRADFILTER_CONTROLLER": fake.url}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return call


def submitted(fake):
    return [body for request, body in fake.requests if request == "POST /v1/jobs"]


class TestReading:
    def test_list(self, gradfilter, fake):
        """The suites with their jobs and what a board needs for them, without asking a controller."""
        printed = gradfilter("list").stdout
        assert all(name in printed for name in ("smoke", "paper-latency", "voc:VOC2012", "mobilenetv2_100"))
        assert [] == fake.requests

    def test_show(self, gradfilter):
        """What it is for, and a row for each job."""
        printed = gradfilter("show", "paper-latency").stdout
        assert "The seven shapes of the published latency experiment" in printed
        assert "resnet18 on digits, 128 px, batch 16, last:4, 30 steps" in printed

    def test_show_one_job_as_json(self, gradfilter):
        """A job is printed as a file that `gradfilter submit` takes, but for its board."""
        found = json.loads(gradfilter("show", "smoke", "--job", "layer").stdout)
        assert ("conv_layer", "smoke", False) == (found["workload"]["kind"], found["suite"], "device" in found)

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["show", "nothing"], "there is no suite 'nothing'; there are accuracy"),
            (["show", "smoke", "--job", "x"], "suite 'smoke' has no job 'x'"),
            (["run", "smoke"], "give either --device NAME or --tag TAG"),
            (["run", "smoke", "--device", "a", "--tag", "b"], "give either --device NAME or --tag TAG"),
            (["run", "smoke", "--device", "a", "--only", "x"], "suite 'smoke' has no job 'x'"),
            (["run", "smoke", "--device", "a", "--repetitions", "0"], "repetitions must be at least 1, got 0."),
        ],
    )
    def test_what_was_typed_is_at_fault(self, gradfilter, fake, arguments, sentence):
        """One sentence, and nothing is submitted."""
        result = gradfilter(*arguments)
        assert (2, []) == (result.returncode, submitted(fake))
        assert sentence in result.stderr
        assert 1 == len(result.stderr.splitlines())


class TestRun:
    def test_every_job_is_submitted(self, gradfilter, fake):
        """Each job goes with its suite's name and its board, and its id is printed."""
        fake.on("POST /v1/jobs", *(Answer(asdict(job("queued", id=str(i))), status=201) for i in (1, 2, 3)))
        result = gradfilter("run", "smoke", "--device", "nano-1", "--repetitions", "1")
        assert (0, "") == (result.returncode, result.stderr)
        assert [("smoke", "nano-1", 1)] * 3 == [
            (sent["suite"], sent["device"]["name"], sent["repetitions"]) for sent in submitted(fake)
        ]
        assert "job 1 is classification, queued. Smoke test.\njob 2 is layer, queued." in result.stdout
        assert f"`gradfilter jobs --suite smoke --controller {fake.url}`" in result.stdout

    def test_the_batch_fits_the_smallest_board_of_the_tag(self, gradfilter, fake):
        """Of two boards the smaller decides; the batch is printed and stands in the job's note."""
        large = device(name="desk", description=description(memory_bytes=64_000_000_000))
        fake.on("GET /v1/devices", listed(SMALL_BOARD, large))
        fake.on("POST /v1/jobs", Answer(asdict(job("queued")), status=201))
        result = gradfilter("run", "paper-latency", "--tag", "jetson", "--only", "large-maps")
        (sent,) = submitted(fake)
        assert [8, 16, 32] == [shape["batch_size"] for shape in sent["workload"]["shapes"]]
        assert "Batch 8 instead of the published 32 for 128→128 3×3 160×120" in sent["note"]
        assert sent["note"] in result.stdout

    def test_a_refused_job_is_named_and_the_others_go(self, gradfilter, fake):
        """A board without the model refuses one job; the status tells, and the other two are submitted."""
        accepted = Answer(asdict(job("queued")), status=201)
        errors = [{"field": "workload.model", "message": "needs Python 3.9."}]
        fake.on("POST /v1/jobs", problem(422, "the model is absent.", errors), accepted)
        result = gradfilter("run", "smoke", "--device", "nano-1")
        assert (2, 3) == (result.returncode, len(submitted(fake)))
        assert "classification is refused: the model is absent.\n  workload.model: needs Python 3.9." in result.stderr
        assert result.stderr.endswith("1 of 3 jobs were refused; the others go on.\n")
        assert "job 7 is layer, queued" in result.stdout

    def test_an_unknown_board_is_said_once(self, gradfilter, fake):
        """What is wrong with the board is wrong for every job: after the first no other is submitted."""
        fake.on(
            "POST /v1/jobs", problem(422, "no such device.", [{"field": "device.name", "message": "no such device."}])
        )
        result = gradfilter("run", "smoke", "--device", "nano-9")
        assert (2, 1) == (result.returncode, len(submitted(fake)))
        assert "gradfilter: no such device.\n  in the field device.name\n" == result.stderr

    def test_no_other_job_goes_on_where_all_are_refused(self, gradfilter, fake):
        """With every job refused there is nothing to watch, and it is not said that others go on."""
        fake.on("POST /v1/jobs", problem(422, "no such model."))
        result = gradfilter("run", "smoke", "--device", "nano-1")
        assert (2, "") == (result.returncode, result.stdout)
        assert 3 == result.stderr.count("is refused: no such model.")
        assert result.stderr.endswith("\ngradfilter: every job of suite smoke that was asked for is refused.\n")

    def test_wait_prints_each_comparison(self, gradfilter, fake):
        """One after another is watched; standard output has the comparisons alone, and a failed job the status 1."""
        fake.on("POST /v1/jobs", *(Answer(asdict(job("queued", id=i)), status=201) for i in ("1", "2")))
        fake.on("GET /v1/jobs/1/events", events(job("failed", id="1", reason="out of memory.")))
        fake.on("GET /v1/jobs/2/events", events(job("finished", id="2", done=6)))
        for i in ("1", "2"):
            fake.on(f"GET /v1/jobs/{i}/report.txt", Answer(f"comparison {i}\n".encode(), media_type="text/plain"))
        only = ["--only", "classification", "--only", "layer"]
        result = gradfilter("run", "smoke", "--device", "nano-1", "--wait", *only)
        assert (1, "comparison 1\ncomparison 2\n") == (result.returncode, result.stdout)
        assert "job 1 is failed: out of memory." in result.stderr

    def test_interrupting_leaves_the_jobs_running(self, fake, gradfilter):
        """Ctrl-C ends the watching, says which jobs go on and how to watch them, and cancels nothing."""
        fake.on("POST /v1/jobs", *(Answer(asdict(job("queued", id=str(i))), status=201) for i in (1, 2, 3)))
        fake.on("GET /v1/jobs/1/events", events(job(id="1", running=MEASURING)))
        environment = {**os.environ, "GRADFILTER_CONTROLLER": fake.url}
        command = [str(GRADFILTER), "suite", "run", "smoke", "--device", "nano-1", "--wait"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as watching:
            while "run 3 of 6" not in watching.stderr.readline():
                pass
            watching.send_signal(signal.SIGINT)
            rest = watching.stderr.read()
        assert 130 == watching.returncode
        assert "jobs 1, 2, 3 go on; watch on with `gradfilter watch 1" in rest
        assert "Traceback" not in rest
        assert not [request for request, _ in fake.requests if "cancel" in request]


def test_against_the_real_controller(lab, agent):
    """What the board has runs to its comparison; what it lacks is refused by the controller's own words."""
    command = [str(GRADFILTER), "suite", "run", "smoke", "--device", DEVICE, "--dataset", "digits", "--wait"]
    environment = {**os.environ, "GRADFILTER_CONTROLLER": lab.server.url}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert 2 == result.returncode
    assert "segmentation is refused: model 'deeplabv3_resnet18' is unknown on device" in result.stderr
    assert 2 == result.stdout.count("suite smoke")
    jobs = lab.get("/v1/jobs?suite=smoke")["items"]
    assert [("2", "finished"), ("1", "finished")] == [(one["id"], one["state"]) for one in jobs]
