"""A compiler that is quick because it does not optimise, and processes that say what kernels they have."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SAY = """
import json, torch
from gradfilter.filtering.native import native_facts
from gradfilter.filtering.patches import PatchAxis, PatchGrid
grid = PatchGrid(PatchAxis(4, 2, 2), PatchAxis(2, 2, 1))
facts = native_facts()
facts["averages"] = grid.averages(torch.arange(8.0).view(1, 1, 4, 2)).flatten().tolist()
print(json.dumps(facts))
"""


@pytest.fixture(scope="session")
def c_compiler():
    """The machine's own C compiler."""
    found = shutil.which("cc") or shutil.which("gcc")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no C compiler")
        pytest.skip("no C compiler")
    return found


@pytest.fixture
def script(tmp_path):
    """Makes a program out of lines of shell; its path."""

    def make(name, *lines):
        path = tmp_path / name
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def quick_compiler(script, c_compiler):
    """The compiler, told not to optimise."""
    return script("quick-cc", f'exec {c_compiler} "$@" -O0')


@pytest.fixture
def start(tmp_path):
    """Starts a process that prints its facts, with a build folder of its own unless the environment names another."""

    def begin(**environment):
        setting = {**os.environ, "GRADFILTER_NATIVE_DIR": str(tmp_path / "builds"), **environment}
        root = Path(__file__).resolve().parents[4]
        return subprocess.Popen(
            [sys.executable, "-c", SAY],
            cwd=str(root),
            env={**setting, "PYTHONPATH": str(root)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return begin
