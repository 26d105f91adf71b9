"""The Python client against a controller that answers from a script, over real HTTP."""

import io
import zipfile
from dataclasses import asdict

import pandas as pd
import pytest

from controller.client import Client, ControllerError, ControllerUnreachableError
from controller.jobs import NewDevice
from tests.controller.fake_controller import (
    SPEC,
    Answer,
    FakeController,
    device,
    events,
    job,
    listed,
    problem,
    run,
    serving,
)


@pytest.fixture
def client(fake):
    with Client(fake.url, sleep=lambda seconds: None) as connected:
        yield connected


class TestJobs:
    def test_submit_sends_the_whole_spec(self, fake, client):
        """A JobSpec is sent with every field, and the queued job comes back as a view."""
        fake.on("POST /v1/jobs", Answer(asdict(job("queued")), status=201))
        assert "queued" == client.submit(SPEC).state
        assert ("POST /v1/jobs", asdict(SPEC)) == fake.requests[0]

    def test_submit_leaves_a_mapping_to_the_controller(self, fake, client):
        """A mapping is sent as it stands: only the controller judges it."""
        fake.on("POST /v1/jobs", Answer(asdict(job("queued")), status=201))
        client.submit({"workload": {"kind": "unheard of"}})
        assert {"workload": {"kind": "unheard of"}} == fake.requests[0][1]

    def test_lists_follow_the_cursor(self, fake, client):
        """A list is read page by page to its end, with its filters on every page."""
        fake.on("GET /v1/jobs?state=running", listed(job(id="2"), following="c/1"))
        fake.on("GET /v1/jobs?state=running&cursor=c%2F1", listed(job(id="1")))
        assert ["2", "1"] == [view.id for view in client.jobs(state="running")]

    def test_runs_are_summaries(self, fake, client):
        """The attempts of a job come as RunSummary."""
        fake.on("GET /v1/jobs/7/runs", listed(run(), run(id="r2", state="lost")))
        assert ["finished", "lost"] == [attempt.state for attempt in client.runs("7")]

    def test_names_are_quoted(self, fake, client):
        """An id with a slash stays one part of the path."""
        fake.on("POST /v1/jobs/a%2Fb/cancel", Answer(asdict(job("cancelled"))))
        assert "cancelled" == client.cancel("a/b").state

    def test_charts_are_files_by_name(self, fake, client):
        """The archive is opened, and no name in it leads out of a folder."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("../01-step-time.svg", b"<svg/>")
        path = "GET /v1/jobs/7/report.svg.zip?across=true"
        fake.on(path, Answer(archive.getvalue(), media_type="application/zip"))
        assert {"01-step-time.svg": b"<svg/>"} == client.charts("7", across=True)

    @pytest.mark.parametrize("report_format", ["txt", "md", "html", "csv", "json"])
    def test_report_is_text(self, fake, client, report_format):
        """Every format of a report comes as text, unchanged."""
        fake.on(
            f"GET /v1/jobs/7/report.{report_format}", Answer("1 → 2".encode(), media_type="text/plain; charset=utf-8")
        )
        assert "1 → 2" == client.report("7", report_format)


class TestWatch:
    def test_ends_with_the_job(self, fake, client):
        """Watching yields every view and ends after the final one."""
        fake.on("GET /v1/jobs/7/events", events(job("queued"), job("running"), job("finished")))
        assert ["queued", "running", "finished"] == [view.state for view in client.watch("7")]

    def test_takes_up_a_broken_stream(self, fake, client):
        """A stream that ends before the job is opened again."""
        fake.on("GET /v1/jobs/7/events", events(job("running")), events(job("running"), job("failed")))
        assert ["running", "running", "failed"] == [view.state for view in client.watch("7")]

    def test_gives_up_a_controller_that_stays_away(self):
        """Without patience left, the loss of the controller is an error that names its address."""
        with serving(FakeController()) as other:
            other.on("GET /v1/jobs/7/events", events(job("running")))
            client = Client(other.url, patience_s=0, sleep=lambda seconds: None)
            views = client.watch("7")
            assert "running" == next(views).state
        with client, pytest.raises(ControllerUnreachableError, match=other.url):
            list(views)

    def test_an_unknown_job_is_an_error_at_once(self, client):
        """A job that is not there is not waited for."""
        with pytest.raises(ControllerError, match="there is no /v1/jobs/8/events"):
            list(client.watch("8"))


class TestResults:
    def test_results_are_a_frame(self, fake, client):
        """Result rows of all pages become one DataFrame."""
        fake.on("GET /v1/results?metric=backward", Answer({"items": [{"value": 1.5}], "next": "2"}))
        fake.on("GET /v1/results?metric=backward&cursor=2", Answer({"items": [{"value": None}], "next": None}))
        pd.testing.assert_frame_equal(pd.DataFrame({"value": [1.5, None]}), client.results(metric="backward"))

    def test_series_are_a_frame(self, fake, client):
        """The raw readings of a run come from the Parquet document."""
        readings = pd.DataFrame({"channel": ["rss", "rss"], "time_s": [0.0, 0.1], "value": [1.0, 2.0]})
        parquet = io.BytesIO()
        readings.to_parquet(parquet)
        fake.on("GET /v1/runs/r1/series.parquet", Answer(parquet.getvalue(), media_type="application/octet-stream"))
        pd.testing.assert_frame_equal(readings, client.series("r1"))


class TestDevices:
    def test_add_and_remove(self, fake, client):
        """A board is registered with name, address and tags, and removed by its name."""
        fake.on("POST /v1/devices", Answer(asdict(device()), status=201))
        fake.on("DELETE /v1/devices/nano-1", Answer(b"", status=204))
        assert "online" == client.add_device(NewDevice("nano-1", "http://nano-1:8101", ["desk"])).health
        client.remove_device("nano-1")
        assert {"name": "nano-1", "url": "http://nano-1:8101", "tags": ["desk"]} == fake.requests[0][1]

    def test_change_sends_only_what_changes(self, fake, client):
        """A change leaves out the fields that stay."""
        fake.on("PATCH /v1/devices/nano-1", Answer(asdict(device(health="maintenance"))))
        assert "maintenance" == client.change_device("nano-1", maintenance=True).health
        assert {"maintenance": True} == fake.requests[0][1]


class TestErrors:
    def test_a_problem_carries_sentence_status_and_fields(self, fake, client):
        """A problem document becomes one error with the server's sentence and its list of fields."""
        fields = [{"field": "workload.model", "message": "'x' is unknown; there is resnet18."}]
        fake.on("POST /v1/jobs", problem(422, "the job cannot be run.", fields))
        with pytest.raises(ControllerError) as caught:
            client.submit({})
        error = caught.value
        assert ("the job cannot be run.", 422, True) == (str(error), error.status, error.refused)
        assert [("workload.model", "'x' is unknown; there is resnet18.")] == error.fields

    def test_a_foreign_error_page_is_named_as_such(self, fake, client):
        """A status without a problem document says that this may be no controller."""
        fake.on("GET /v1/devices", Answer(b"<h1>Bad Gateway</h1>", status=502, media_type="text/html"))
        with pytest.raises(ControllerError, match="status 502 without a reason") as caught:
            client.devices()
        assert not caught.value.refused

    def test_a_page_of_something_else_is_no_controller(self, fake, client):
        """A successful answer that is not JSON is refused in words."""
        fake.on("GET /health", Answer(b"<h1>It works</h1>", media_type="text/html"))
        with pytest.raises(ControllerError, match="is not a controller"):
            client.health()

    def test_an_unknown_shape_names_the_versions(self, fake, client):
        """A view without a field that this client needs is a matter of versions."""
        fake.on("GET /v1/jobs/7", Answer({"id": "7"}))
        with pytest.raises(ControllerError, match="different versions"):
            client.job("7")

    def test_nobody_there(self):
        """A refused connection says where it was tried and how to start a controller."""
        with (
            Client("http://127.0.0.1:1") as client,
            pytest.raises(ControllerUnreachableError, match=r"127\.0\.0\.1:1 .*gradfilter controller"),
        ):
            client.jobs()

    @pytest.mark.parametrize("address", ["127.0.0.1:8100", "ftp://lab", "http://", "http://[::1"])
    def test_an_address_must_be_one(self, address):
        """What is no address is refused with an example of one."""
        with pytest.raises(ControllerError, match="must look like http://127"):
            Client(address)
