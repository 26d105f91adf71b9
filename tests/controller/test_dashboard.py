"""The dashboard in the real controller: its pages, their headers, and what is not there."""

import pytest

from controller.settings import Settings
from tests.controller.fake_controller import SPEC
from tests.controller.lab import local_client


@pytest.fixture
def lab(tmp_path):
    """A controller with a device that does not answer and one job that waits for it."""
    with local_client(Settings(data_dir=tmp_path)) as client:
        client.post("/v1/devices", json={"name": "nano-1", "url": "http://127.0.0.1:1", "tags": ["<b>desk</b>"]})
        client.app.state.services.store.jobs.add(SPEC)
        yield client


@pytest.mark.parametrize("path", ["/", "/jobs/1", "/jobs/none"])
def test_pages_carry_the_strict_policy(lab, path):
    """Every page, also that of a missing job, allows nothing but this server's own files."""
    headers = lab.get(path).headers
    policy = headers["content-security-policy"]
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    assert "no-store" == headers["cache-control"]


def test_an_empty_lab_says_what_to_do(tmp_path):
    """A controller without boards and jobs shows how to add the first board."""
    with local_client(Settings(data_dir=tmp_path)) as client:
        assert "gradfilter devices add" in client.get("/").text


def test_the_overview_shows_boards_and_queue(lab):
    """A board and a waiting job are shown with why nothing happens."""
    page = lab.get("/").text
    assert "nano-1" in page
    assert '<a href="/jobs/1">job 1</a>' in page
    assert "waiting for" in page


def test_ended_jobs_are_recent(lab):
    """A cancelled job leaves the queue and is listed among the recent ones."""
    lab.post("/v1/jobs/1/cancel")
    queue, recent = lab.get("/").text.split("<h1>Recent jobs</h1>")
    assert "/jobs/1" not in queue
    assert "/jobs/1" in recent


def test_a_job_has_a_page(lab):
    """A job's page follows its events; an unknown job is a page with status 404 that says so."""
    assert 'data-events="/v1/jobs/1/events"' in lab.get("/jobs/1").text
    missing = lab.get("/jobs/99")
    assert (404, True) == (missing.status_code, "There is no job &#39;99&#39;" in missing.text)


@pytest.mark.parametrize("name", ["dashboard.css", "live.js", "icon.svg"])
def test_files_are_served(lab, name):
    """The files that the pages name are there."""
    assert 200 == lab.get(f"/static/{name}").status_code


@pytest.mark.parametrize("name", ["pages.py", "..%2Fpages.py", "none.js"])
def test_nothing_else_is_served(lab, name):
    """No other file of the machine can be had."""
    assert 404 == lab.get(f"/static/{name}").status_code


@pytest.mark.parametrize("path", ["/jobs/1/cancel", "/jobs/new"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "http://elsewhere"}, {"Origin": "http://["}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_forms_of_other_sites_are_refused(lab, path, headers):
    """A page of another site can neither submit nor cancel a job in the name of who looks at it."""
    assert 403 == lab.post(path, headers=headers).status_code
    assert "queued" == lab.get("/v1/jobs/1").json()["state"]


def test_the_button_cancels(lab):
    """The form of a job's page cancels it and leads back to the page, also when it has ended already."""
    for _ in range(2):
        answer = lab.post("/jobs/1/cancel", follow_redirects=False)
        assert (303, "/jobs/1") == (answer.status_code, answer.headers["location"])
    assert "cancelled" == lab.get("/v1/jobs/1").json()["state"]


def test_without_a_described_board_there_is_no_form(lab):
    """The form says that no board has told what it offers."""
    missing = lab.get("/jobs/new")
    assert (404, True) == (missing.status_code, "gradfilter devices add" in missing.text)


@pytest.mark.parametrize(
    "path", ["/v1/jobs", "/v1/jobs/1/report.html", "/metrics", "/openapi.json", "/docs", "/no/page"]
)
def test_no_answer_runs_anything(lab, path):
    """Whatever is answered tells browsers that no script in it may run, and to believe its type."""
    headers = lab.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"].split("; ")
    assert "script" not in headers["content-security-policy"].replace("script-src 'self'", "")
    assert "nosniff" == headers["x-content-type-options"]
