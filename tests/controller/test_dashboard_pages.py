"""The dashboard's pages, rendered from views: what they show, say and escape."""

import re

import pytest

from controller.dashboard.pages import STATIC, job_page, missing_page, overview_page
from controller.dashboard.rendering import instant
from gradfilter.bench.schema import ConvLayerWorkload, ConvShape, DeviceDescription, JobSpec, Trace, Variant
from tests.controller.fake_controller import MEASURING, SPEC, device, job, run

HOSTILE = "<script>alert(1)</script>"
BOARD = DeviceDescription(
    hostname="nano-1",
    model="Jetson Nano",
    machine="aarch64",
    cpu="Cortex-A57",
    cores=4,
    memory_bytes=4 << 30,
    os="Ubuntu 18.04",
    kernel="4.9",
    agent_version="0.1",
    boot_id="b",
)


class TestOverview:
    def test_empty_states_say_what_to_do(self):
        """A new lab's page shows the commands that register a board, and no table."""
        page = overview_page([], [], [])
        assert "gradfilter devices add my-board http://my-board:8101" in page
        assert "<table" not in page

    def test_a_first_job_is_proposed_for_the_first_board(self):
        """With a board and no job the page shows a command that can be typed as it stands."""
        assert "gradfilter submit --model resnet18" in overview_page([device(health="online")], [], [])
        assert "--device nano-1" in overview_page([device()], [], [])

    def test_a_board_shows_its_health_and_what_it_does(self):
        """A board at work shows the run of its job, with a link to it."""
        page = overview_page([device(job="7", description=BOARD)], [job(running=MEASURING)], [])
        card = page[page.index("<h2>nano-1") : page.index("<h1>Queue")]
        assert 'class="state online"' in card
        assert "Jetson Nano, 4 cores" in card
        assert '<a href="/jobs/7">job 7</a>: filtered · block 2 · warm-up · step 3 of 35' in card

    def test_an_offline_board_says_why(self):
        """A board without an answer shows the reason."""
        page = overview_page([device(health="offline", health_reason="no answer from http://nano-1:8101")], [], [])
        assert "no answer from http://nano-1:8101" in page

    def test_ended_jobs_link_to_their_reports(self):
        """A job with runs links to its report, one without shows only its reason."""
        ended = [
            job("finished", id="2", finished_at="2026-03-01T15:00:00.5Z"),
            job("failed", id="1", done=0, reason="too many"),
        ]
        page = overview_page([], [], ended)
        assert "/v1/jobs/2/report.html" in page
        assert "2026-03-01 15:00 UTC" in page
        assert "/v1/jobs/1/report.html" not in page
        assert "too many" in page


class TestJob:
    def test_a_running_job_follows_its_events(self):
        """The page of a running job names the stream its script follows, and has the button that stops it."""
        page = job_page(job(running=MEASURING), [run()], Trace())
        assert 'data-events="/v1/jobs/7/events"' in page
        assert '<progress value="2" max="6"' in page
        assert '<form method="post" action="/jobs/7/cancel">' in page

    def test_an_ended_job_is_still(self):
        """The page of an ended job follows nothing and links every format of its report and its charts."""
        page = job_page(job("finished", done=6), [run()], Trace())
        assert "data-events" not in page
        assert ["html", "html", "md", "txt", "csv", "json", "svg", "png"] == re.findall(
            r"/v1/jobs/7/report\.(\w+)", page
        )

    def test_runs_show_states_and_failures(self):
        """Every attempt is a row with its state, a failed one with its reason."""
        page = job_page(job(), [run(), run(id="r2", state="failed", failure="out of memory")], Trace())
        assert 2 == page.count("<td>filtered</td>")
        assert "out of memory" in page

    def test_without_a_run_it_says_what_it_waits_for(self):
        """A queued job without runs shows what it waits for."""
        page = job_page(job("queued", done=0, waiting_for="nano-1, which is offline"), [], Trace())
        assert "No run has started yet; the job waits for nano-1, which is offline." in page

    def test_a_layer_job_counts_its_shapes(self):
        """The layer experiment is named by its convolutions."""
        workload = ConvLayerWorkload("conv_layer", [ConvShape(2, 8, 8, 8, 8), ConvShape(2, 8, 8, 4, 4)])
        spec = JobSpec(workload=workload, variants=[Variant("baseline")], device=SPEC.device)
        assert "2 convolutions, baseline ·" in job_page(job(spec=spec), [], Trace())


class TestSafety:
    @pytest.mark.parametrize(
        "page",
        [
            overview_page([device(name=HOSTILE, health_reason=HOSTILE, tags=[HOSTILE], job=HOSTILE)], [], []),
            overview_page([], [job(id=HOSTILE, device=HOSTILE)], [job("failed", id=HOSTILE, reason=HOSTILE)]),
            job_page(job(id=HOSTILE, reason=HOSTILE, waiting_for=HOSTILE), [run(id=HOSTILE, failure=HOSTILE)], Trace()),
            missing_page(HOSTILE),
        ],
    )
    def test_what_users_typed_is_escaped(self, page):
        """Markup in any name, reason or id arrives as text."""
        assert "<script>alert" not in page
        assert "alert(1)" in page

    @pytest.mark.parametrize("page", [overview_page([device()], [job()], []), job_page(job(), [run()], Trace())])
    def test_pages_need_nothing_inline_and_nothing_from_outside(self, page):
        """No inline script, style or handler, and no address of another server, so that the strict policy holds."""
        assert [] == re.findall(r"<style|style=|\son\w+=|javascript:", page)
        assert [] == re.findall(r"<script(?![^>]*\ssrc=\"/static/)", page)
        assert [] == re.findall(r"(?:src|href)=\"(?:https?:)?//", page)


def test_the_script_asks_only_this_server():
    """The script and the style sheet hold no address of another server."""
    assert [] == [
        path.name for path in STATIC.iterdir() if re.search(r"https?://(?!www\.w3\.org/2000/svg)", path.read_text())
    ]


@pytest.mark.parametrize("text", ["2026-03-01T14:05:09.123456Z", "2026-03-01T16:05:09+02:00"])
def test_instants_are_shown_in_utc(text):
    """Instants are shown to the minute, in UTC."""
    assert "2026-03-01 14:05 UTC" == instant(text)
