"""The REST interface as its users meet it: good requests, what they are answered, and the documents of both."""

import csv
import io
import sqlite3

import pandas as pd
import pytest

from agent import VERSION
from controller.routes.examples import DEVICE_CHANGES, JOBS, NEW_DEVICES
from tests.controller.fake_agent import HOLD
from tests.controller.lab import Lab
from tests.controller.samples import DEVICE, job_document
from tests.controller.serving import wait_for

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def lab(shared_lab):
    """One lab for all tests that change nothing the others see."""
    return shared_lab


@pytest.fixture(scope="module")
def job(lab):
    """A finished job."""
    submitted = lab.submit()
    lab.end_of(submitted)
    return submitted


class TestExamples:
    @pytest.mark.parametrize("name", JOBS)
    def test_jobs_are_accepted(self, lab, name):
        """Every documented job is accepted as it stands."""
        response = lab.request("POST", "/v1/jobs", json=JOBS[name]["value"])
        assert 201 == response.status_code, response.text
        assert f"/v1/jobs/{response.json()['id']}" == response.headers["location"]
        lab.end_of(response.json()["id"])

    def test_devices_are_accepted(self, lab):
        """Every documented device and change is accepted as it stands, also when no agent answers."""
        for example in NEW_DEVICES.values():
            response = lab.request("POST", "/v1/devices", json=example["value"])
            assert (201, "offline") == (response.status_code, response.json()["health"]), response.text
            path = response.headers["location"]
            for change in DEVICE_CHANGES.values():
                assert 200 == lab.request("PATCH", path, json=change["value"]).status_code
            assert 204 == lab.request("DELETE", path).status_code

    def test_are_in_openapi(self, lab):
        """OpenAPI shows the examples, a summary and a description of every operation, and problems for its errors."""
        api = lab.get("/openapi.json")
        content = api["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
        assert JOBS.keys() == content["examples"].keys()
        operations = [operation for path in api["paths"].values() for operation in path.values()]
        assert all(operation["summary"] and operation["description"] for operation in operations)
        refused = [r for o in operations for status, r in o["responses"].items() if status[0] in "45"]
        assert {PROBLEM} == {media_type for response in refused for media_type in response["content"]}
        assert {"title", "status", "detail", "type", "errors"} == api["components"]["schemas"]["Problem"][
            "properties"
        ].keys()
        assert "HTTPValidationError" not in api["components"]["schemas"]


class TestJobs:
    def test_are_shown_with_what_was_asked_for(self, lab, job):
        """The specification comes back with its defaults filled in."""
        spec = lab.get(f"/v1/jobs/{job}")["spec"]
        assert ("digits", 5) == (spec["workload"]["dataset"], spec["workload"]["warm_up_steps"])

    def test_are_listed_by_suite(self, lab):
        """A suite's jobs are found by its name, and no other job is."""
        of_suite = lab.submit(suite="smoke")
        lab.end_of(of_suite)
        assert [of_suite] == [item["id"] for item in lab.get("/v1/jobs?suite=smoke")["items"]]

    def test_are_listed_by_state_device_and_model(self, lab, job):
        """Filters narrow the list."""
        assert job in {item["id"] for item in lab.get("/v1/jobs?state=finished&device=this-computer")["items"]}
        assert [] == lab.get("/v1/jobs?state=queued")["items"]
        assert [] == lab.get("/v1/jobs?model=nothing")["items"]

    def test_come_in_pages(self, lab, job):
        """The next page begins where the one before ended; the last one has no next."""
        lab.end_of(lab.submit())
        first = lab.get("/v1/jobs?limit=1")
        second = lab.get(f"/v1/jobs?limit=200&cursor={first['next']}")
        assert first["items"][0]["id"] not in {item["id"] for item in second["items"]}
        assert second["next"] is None

    @pytest.mark.parametrize("path", ["/v1/jobs/999", "/v1/jobs/x/runs", "/v1/jobs/999/events", "/v1/runs/x", "/v1/x"])
    def test_that_are_unknown_are_404(self, lab, path):
        """What is not there is a problem document that says so."""
        response = lab.request("GET", path)
        assert (404, PROBLEM) == (response.status_code, response.headers["content-type"])
        assert response.json()["detail"]

    def test_other_methods_are_405(self, lab):
        """A method that a path does not have is a problem document too."""
        response = lab.request("DELETE", "/v1/jobs")
        assert (405, PROBLEM) == (response.status_code, response.headers["content-type"])


class TestRuns:
    def test_have_their_raw_record(self, lab, job):
        """The record has everything but the series."""
        run = lab.runs(job)[0]
        record = lab.get(f"/v1/runs/{run['id']}")
        assert ("finished", 2) == (record["state"], len(record["steps"]))
        assert run["id"] == record["spec"]["run_id"]

    def test_have_their_series_in_three_formats(self, lab, job):
        """CSV, Parquet and JSON hold the same readings, failed ones empty."""
        path = f"/v1/runs/{lab.runs(job)[0]['id']}/series"
        table = pd.read_parquet(io.BytesIO(lab.request("GET", f"{path}.parquet").content))
        assert [0.0, 1.0, 7.0] == table["value"].dropna().tolist()
        rows = list(csv.DictReader(io.StringIO(lab.request("GET", f"{path}.csv").text)))
        assert ["0.0", "1.0", "", "7.0"] == [row["value"] for row in rows]
        assert [0.0, 1.0, None, 7.0] == [row["value"] for row in lab.get(f"{path}.json")]
        assert {("rapl:package-0", "J", "counter")} == {(row["channel"], row["unit"], row["kind"]) for row in rows}

    def test_are_listed_with_their_preparation(self, lab, job):
        """The job's attempts come in the order in which they were started."""
        assert ["prepare", "measure", "measure"] == [run["purpose"] for run in lab.get(f"/v1/jobs/{job}/runs")["items"]]


class TestResults:
    def test_are_found_across_jobs(self, lab, job):
        """One metric of one method on one device, with its unit and kind."""
        query = f"/v1/results?metric=backward&method=gradient_filter&device={DEVICE}&model=tiny_cnn&job={job}"
        (item,) = lab.get(query)["items"]
        assert (0.2, "s", "measured") == (item["value"], item["unit"], item["kind"])

    @pytest.mark.parametrize("query", ["", "?metric=nothing"])
    def test_can_be_downloaded(self, lab, job, query):
        """CSV, Parquet and JSON hold the same rows, none included."""
        rows = list(csv.DictReader(io.StringIO(lab.request("GET", f"/v1/results.csv{query}").text)))
        table = pd.read_parquet(io.BytesIO(lab.request("GET", f"/v1/results.parquet{query}").content))
        assert len(rows) == len(table) == len(lab.get(f"/v1/results.json{query}"))
        assert {"run_id", "metric", "value", "unit"} <= set(table.columns)


class TestChecks:
    def test_the_checklist_names_what_does_not_hold(self, lab, job):
        """Two short steps are no measurement, and the raw data are what was stored."""
        points = {check["name"]: check["passed"] for check in lab.get(f"/v1/jobs/{job}/checks")}
        assert (False, True, True) == tuple(
            points[n] for n in ("window lengths", "hashes of raw data", "same environment")
        )

    def test_a_job_agrees_with_itself(self, lab, job):
        """One block has ratios and no intervals, so nobody knows."""
        found = lab.get(f"/v1/jobs/{job}/agreement?other={job}")
        assert {(1.0, None)} == {(row["change"]["value"], row["agrees"]) for row in found}

    def test_a_device_is_marked(self, lab):
        """A mark is kept with its instant; an unknown device has none."""
        made = lab.request("POST", f"/v1/devices/{DEVICE}/marks", json={"what": "a new fan"}).json()
        assert [made] == lab.get(f"/v1/devices/{DEVICE}/marks")
        assert 404 == lab.request("POST", "/v1/devices/nobody/marks", json={"what": "a new fan"}).status_code


class TestReports:
    def test_what_can_be_judged_is_known_before_the_start(self, lab):
        """The answer to a submission says how many blocks its tests need: 7 for three, and this job asks for one."""
        submitted = lab.request("POST", "/v1/jobs", json=job_document()).json()
        judgement = submitted["judgement"]
        assert (3, 7, 1, False) == tuple(judgement[name] for name in ("tests", "blocks_needed", "blocks", "able"))
        lab.end_of(submitted["id"])

    @pytest.mark.parametrize(
        ("suffix", "media_type"),
        [
            ("html", "text/html"),
            ("md", "text/markdown"),
            ("txt", "text/plain"),
            ("csv", "text/csv"),
            ("json", "application/json"),
        ],
    )
    def test_come_in_every_format(self, lab, job, suffix, media_type):
        """The comparison of a finished job names its variants in each format."""
        response = lab.request("GET", f"/v1/jobs/{job}/report.{suffix}")
        assert response.headers["content-type"].startswith(media_type)
        assert "filtered" in response.text

    def test_of_a_job_without_runs_say_so(self, lab):
        """A job that has measured nothing has a report without numbers."""
        lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"maintenance": True})
        waiting = lab.submit()
        assert lab.get(f"/v1/jobs/{waiting}/report.json")["variants"][0]["runs_valid"] == 0
        lab.request("POST", f"/v1/jobs/{waiting}/cancel")
        lab.request("PATCH", f"/v1/devices/{DEVICE}", json={"maintenance": False})


class TestDevices:
    def test_are_described_by_their_agent(self, lab):
        """Registering asks the agent at once."""
        device = lab.get(f"/v1/devices/{DEVICE}")
        assert ("online", "2.13.0") == (device["health"], device["description"]["worker"]["torch_version"])

    def test_are_registered_once(self, lab):
        """A name that is taken is a conflict."""
        response = lab.request("POST", "/v1/devices", json={"name": DEVICE, "url": lab.agent.url})
        assert (409, PROBLEM) == (response.status_code, response.headers["content-type"])

    def test_are_listed(self, lab):
        """All boards, page by page."""
        assert [DEVICE] == [device["name"] for device in lab.get("/v1/devices?limit=1")["items"]]

    def test_are_kept_while_a_job_holds_them(self, lab):
        """A board in use cannot be forgotten, and says which job has it."""
        lab.agent.script = lambda spec: HOLD
        held = lab.submit()
        run = lab.agent.wait_for_active("prepare").run_id
        assert held == lab.get(f"/v1/devices/{DEVICE}")["job"]
        assert 409 == lab.request("DELETE", f"/v1/devices/{DEVICE}").status_code
        lab.agent.script = lambda spec: "finished"
        lab.agent.end(run)
        lab.end_of(held)


class TestService:
    def test_is_well(self, lab):
        """Database and scheduler are asked."""
        assert {"status": "ok", "version": VERSION} == lab.get("/health")

    def test_counts_for_prometheus(self, lab, job):
        """Jobs, runs and devices by state."""
        metrics = lab.request("GET", "/metrics").text
        assert 'gradfilter_devices{health="online"} 1.0' in metrics
        assert 'gradfilter_jobs{state="finished"}' in metrics
        assert 'gradfilter_runs{state="finished"}' in metrics
        assert "gradfilter_queue_length 0.0" in metrics
        assert "gradfilter_leases" in metrics
        assert 'gradfilter_run_duration_seconds_count{purpose="measure"}' in metrics

    def test_a_defect_is_500_without_its_trace(self, tmp_path, agent):
        """When the controller itself fails, the answer says so and keeps the details for the log."""
        with Lab(tmp_path, agent) as own:
            with sqlite3.connect(tmp_path / "controller.sqlite3") as database:
                database.execute("DROP TABLE measurements")
            database.close()
            response = own.request("GET", "/v1/results")
            assert (500, PROBLEM) == (response.status_code, response.headers["content-type"])
            assert "its log has the details" in response.json()["detail"]
            assert "measurements" not in response.text

    def test_a_dead_scheduler_is_unwell(self, tmp_path, agent):
        """When the scheduler has ended, /health is 503 and says so."""
        with Lab(tmp_path, agent) as own:
            scheduler = own.server.app.state.services.scheduler
            scheduler._loop.call_soon_threadsafe(scheduler._duties[0].cancel)
            response = wait_for("ill health", lambda: None if (r := own.request("GET", "/health")).is_success else r)
            assert (503, PROBLEM) == (response.status_code, response.headers["content-type"])
