"""The pages across jobs in a real browser: filter, compare two, look back; on a desk and on a phone."""

import re

import pytest
from playwright.sync_api import expect

from tests.controller.browser.visitor import DESK, PHONE, Visitor
from tests.controller.samples import DEVICE


@pytest.fixture
def measured(lab):
    """A lab with two jobs done."""
    for _ in range(2):
        lab.end_of(lab.submit(repetitions=2))
    return lab


def test_results_are_filtered_and_two_compared(measured, visitor):
    """Somebody narrows the results by keyboard, ticks two and reads them side by side."""
    page = visitor.open("/results")
    page.get_by_label("metric").select_option("backward")
    page.get_by_label("method").select_option("gradient_filter")
    page.get_by_label("method").press("Tab")
    page.get_by_role("button", name="Show").press("Enter")
    expect(page).to_have_url(re.compile("metric=backward.*method=gradient_filter"))
    visitor.picture("results")
    assert [] == visitor.barriers()
    page.get_by_label("compare filtered of job 1").press("Space")
    page.get_by_label("compare filtered of job 2").press("Space")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("filtered, job 2 against filtered, job 1")
    visitor.picture("comparison")
    assert [] == visitor.barriers()


@pytest.mark.parametrize(
    ("device", "scheme"),
    [
        pytest.param(DESK, "dark", id="desk-dark"),
        pytest.param(PHONE, "light", id="phone-light"),
        pytest.param(DESK, "light", id="desk-light", marks=pytest.mark.long),
        pytest.param(PHONE, "dark", id="phone-dark", marks=pytest.mark.long),
    ],
)
def test_every_page_on_every_screen(measured, browser, device, scheme, request):
    """Large or small, light or dark: no page is wider than the screen, and all can be used."""
    with Visitor(browser, measured.server.url, **device, color_scheme=scheme) as visitor:
        for name, path in (
            ("lab", "/"),
            ("job", "/jobs/1"),
            ("new-job", f"/jobs/new?device={DEVICE}"),
            ("results", "/results"),
            ("comparison", "/compare?pick=1:baseline&pick=1:filtered"),
            ("history", "/history?variant=filtered"),
            ("report", "/v1/jobs/1/report.html"),
            ("missing", "/jobs/99"),
        ):
            page = visitor.open(path)
            visitor.picture(f"{request.node.callspec.id}-{name}")
            assert (name, []) == (name, visitor.barriers())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert [] == [one for one in visitor.complaints if "404" not in one]
