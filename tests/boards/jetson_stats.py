"""jetson-stats in virtual environments of its own, one a version, beside the project's.

A missing piece is a named skip, and a failure under CI=true.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.missing import missing
from tests.python36 import PIP, find_interpreter

ROOT = Path(__file__).resolve().parent.parent.parent
NEWEST, OLD = "7.2.2", "4.3.2"  # 4.3 is the last line for Python 3.6, which a Jetson Nano has
_PINNED = {
    NEWEST: ("smbus2==0.6.1", "distro==1.9.0", "nvidia-ml-py==13.615.71"),
    OLD: ("smbus2==0.6.1", "distro==1.9.0"),
}


def python_with(version: str) -> Path:
    """This Python, with that jetson-stats."""
    return _environment(sys.executable, version, f"jetson-stats=={version}", *_PINNED[version])


def python36_with(version: str) -> Path:
    """Python 3.6 with that jetson-stats."""
    interpreter = find_interpreter()
    if interpreter is None:
        missing("no Python 3.6 found. Install one (pyenv install 3.6.15) or name it in PYTHON36.")
    return _environment(str(interpreter), f"{version}-py36", PIP, f"jetson-stats=={version}")


def _environment(interpreter: str, name: str, *packages: str) -> Path:
    folder = ROOT / f".venv-jtop-{name}"
    stamp, python = folder / ".installed", folder / "bin" / "python"
    if not stamp.exists():
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        # One after another: a pip that is among them serves those that follow.
        for command in ([interpreter, "-m", "venv", "--clear", str(folder)], *([*pip, one] for one in packages)):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                missing(f"jetson-stats could not be installed ({' '.join(command)}): {done.stderr[-500:]}")
        stamp.touch()
    return python
