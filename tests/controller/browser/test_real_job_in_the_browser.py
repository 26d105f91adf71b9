"""One real job from the form to the report: real controller, real agent, real worker, real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.controller.browser.visitor import Visitor
from tests.system.conftest import started
from tests.system.lab import DEVICE


@pytest.fixture
def real_lab(tmp_path):
    """A controller and an agent as ordinary processes."""
    yield from started(tmp_path)


@pytest.mark.timeout(700)
def test_a_real_job_is_watched_to_its_profile(real_lab, browser):
    """A tiny network is trained for some seconds, shown live, reported, and profiled apart from what is measured."""
    with Visitor(browser, real_lab.controller_url) as visitor:
        page = visitor.open(f"/jobs/new?device={DEVICE}")
        typed = {"model": "tiny_cnn", "image size": "16", "batch size": "8", "trainable": "last:2", "repetitions": "1"}
        for label, text in typed.items():
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_label("measured steps").fill("4000")
        page.get_by_label("profile").select_option("yes")
        page.get_by_label("quick").select_option("yes")
        page.get_by_text("More settings").click()
        page.get_by_label("rest before each run").fill("0")
        page.get_by_label("threads", exact=True).fill("1")
        visitor.picture("real-form")
        page.get_by_role("button", name="Queue the job").last.click()
        expect(page).to_have_url(re.compile(r"/jobs/\d+$"))
        expect(page.get_by_role("img", name="step time: now")).to_be_visible(timeout=240_000)
        visitor.picture("real-job-live")
        expect(page.get_by_role("heading", level=1)).to_contain_text("finished", timeout=400_000)
        expect(page.get_by_role("link", name="trace.json.gz")).to_have_count(2)
        visitor.picture("real-job-finished")
        assert [] == visitor.barriers()
        page.get_by_role("link", name="Read the report").click()
        expect(page.get_by_text("where a step's time goes")).to_be_visible()
        visitor.picture("real-report")
        assert [] == visitor.barriers()
        assert [] == visitor.complaints
