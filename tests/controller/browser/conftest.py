"""A browser, and labs for it to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.controller.browser.chromium import ARGUMENTS, chromium
from tests.controller.browser.visitor import Visitor
from tests.controller.lab import Lab


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium. Not for the whole session: its event loop would be in the way of other tests' loops."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def visitor(browser: Browser, lab: Lab) -> Iterator[Visitor]:
    """Somebody at a desk who looks at the lab; at the end nothing must have gone wrong in the browser."""
    with Visitor(browser, lab.server.url) as somebody:
        yield somebody
        assert [] == somebody.complaints
