"""The system's Chromium, installed from the distribution where it is missing; playwright drives it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.debian import program

NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")
# A page of a test is small; the sandbox needs rights that root in a container does not have.
ARGUMENTS = ("--disable-dev-shm-usage", "--disable-gpu", *(("--no-sandbox",) if os.geteuid() == 0 else ()))


def chromium() -> Path:
    """Its path: CHROMIUM, or what the system has, or what apt installs for root."""
    named = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)]
    return next((Path(path) for path in named if path), None) or program(NAMES[0], *PACKAGES)
