"""Shared libraries that tests make from C: a stand-in for a driver, a clock that can be set."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.debian import program


def shared_library(source: Path, built: Path) -> Path:
    """The source, compiled without a warning."""
    gcc = program("gcc", "gcc", "libc6-dev")
    subprocess.run([gcc, "-Wall", "-Werror", "-O2", "-shared", "-fPIC", "-o", built, source], check=True)
    return built
