"""The system's Chromium, installed from the distribution where it is missing; playwright drives it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.missing import missing

NAMES = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")
# A page of a test is small; the sandbox needs rights that root in a container does not have.
ARGUMENTS = ("--disable-dev-shm-usage", "--disable-gpu", *(("--no-sandbox",) if os.geteuid() == 0 else ()))


def chromium() -> Path:
    """Its path: CHROMIUM, or what the system has, or what apt installs for root."""
    found = _find() or (_find() if _install() else None)
    return found or missing(
        f"no Chromium for the browser tests. Install one (apt-get install {' '.join(PACKAGES)}) or name it in CHROMIUM."
    )


def _find() -> Path | None:
    named = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES)]
    return next((Path(path) for path in named if path), None)


def _install() -> bool:
    """Debian's package where this process may install it; whether that went well."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "--no-install-recommends", *PACKAGES])
    return all(subprocess.run([*command, "-y"], env=environment, check=False).returncode == 0 for command in commands)
