"""The library and worker on their oldest floor: Python 3.6 with torch 1.10, as a stock Jetson Nano has them.

Makes .venv-py36 from constraints-py36.txt once, then runs tests/gradfilter in it. Python 3.6 is taken
from PYTHON36, the path or pyenv; without one this is a named skip, and a failure under CI=true.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-py36"
CONSTRAINTS = ROOT / "constraints-py36.txt"
# The pip that comes with Python 3.6 does not know the manylinux tags of later wheels; 21.3.1 is the last for 3.6.
PIP = "pip==21.3.1"


def find_interpreter() -> Path | None:
    """The Python 3.6 to use, or None. A pyenv shim on the path may refuse to run, so each is tried."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = [
        os.environ.get("PYTHON36"),
        *sorted(map(str, pyenv.glob("versions/3.6.*/bin/python3.6"))),
        shutil.which("python3.6"),
    ]
    for candidate in filter(None, named):
        probe = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if probe.returncode == 0 and "Python 3.6" in probe.stdout + probe.stderr:
            return Path(candidate)
    return None


def make_environment(interpreter: Path) -> Path:
    """The environment's Python; installed anew when the constraints changed."""
    stamp, python = ENVIRONMENT / ".installed", ENVIRONMENT / "bin" / "python"
    if stamp.exists() and stamp.stat().st_mtime >= CONSTRAINTS.stat().st_mtime:
        return python
    print("setting up .venv-py36 (once; torch 1.10 is about 900 MB)", flush=True)
    pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([str(interpreter), "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    subprocess.run([*pip, PIP], check=True)
    subprocess.run([*pip, "-r", str(CONSTRAINTS)], check=True)
    stamp.touch()
    return python


def main() -> int:
    """Run the library's tests on Python 3.6; their exit status."""
    interpreter = find_interpreter()
    if interpreter is None:
        print("SKIPPED: no Python 3.6 found. Install one (pyenv install 3.6.15) or name it in PYTHON36.")
        return int(os.environ.get("CI") == "true")
    python = make_environment(interpreter)
    # The project's pytest options name plug-ins and warnings that the pytest of Python 3.6 does not know.
    command = [
        str(python),
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        ".",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
        "--import-mode=importlib",
        "-o",
        "markers=long: named by make test-long",
        "-m",
        "not long",
        "tests/gradfilter",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
