"""The demo as a newcomer runs it, with its real jobs: what its tables claim must be there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.timeout(1800)]


def test_the_demo_shows_a_clear_backward_speed_up(tmp_path):
    """Both jobs finish, and the backward pass at patch size 4 is clearly faster than plain training's."""
    command = [sys.executable, "-m", "deploy.local", "demo", "--data", str(tmp_path / "data")]
    command += ["--reports", str(tmp_path / "reports")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(result.stdout)
    assert (0, "") == (result.returncode, result.stderr)
    backward = result.stdout.split("backward [ms]")[1].split("optimizer [ms]")[0]
    row = next(line for line in backward.splitlines() if "filter_p4" in line)
    assert re.search(r"× faster .* clear$", row.rstrip())
    assert "not clear" not in row
    assert {"1-training-resnet18.html", "2-single-convolutions.html"} == {
        path.name for path in (tmp_path / "reports").iterdir()
    }
