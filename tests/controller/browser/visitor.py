"""Somebody at the dashboard: a page in a real browser, watched for everything that must not happen."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Request
from typing_extensions import Self

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = ("serious", "critical")
DESK = {"viewport": {"width": 1200, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Visitor:
    """A page of one lab. complaints: console errors, failed scripts, requests to any other origin."""

    def __init__(self, browser: Browser, address: str, **device: Any) -> None:
        self.address = address
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(base_url=address, **(device or DESK))
        self.page: Page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.context.on("request", self._see)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.context.close()

    def open(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def barriers(self) -> list[str]:
        """What axe-core finds serious or critical on the page as it is now, each with the places."""
        # Evaluated by the debugger, which the page's content security policy does not bind.
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']} ({', '.join(str(node['target']) for node in one['nodes'])})"
            for one in found["violations"]
            if one["impact"] in SERIOUS
        ]

    def picture(self, name: str) -> None:
        """Keep what the page looks like, where the suite keeps its reports."""
        if folder := os.environ.get("KEPT_REPORTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(folder) / f"page-{name}.png", full_page=True)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _see(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.complaints.append(f"request to {request.url}")
