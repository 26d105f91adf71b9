"""The parts of the test suite: what each `make` verb runs, one after another, with the minutes each took.

    python tests/parts.py VERB [PART]

Every part runs even when an earlier one failed, so that one broken thing does not hide the next;
the exit status is that of the whole. Under CI=true a missing piece is a failure, elsewhere a named skip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Part:
    """One command of the suite: what the summary calls it, and how many threads each of its processes may take."""

    name: str
    command: tuple[str, ...]
    threads: int = 2


def pytest(*arguments: str) -> tuple[str, ...]:
    return (str(BIN / "pytest"), "-q", *arguments)


FORMAT = Part("format", (str(BIN / "ruff"), "format", "--check", "--quiet", "."))
LINT = Part("lint", (str(BIN / "ruff"), "check", "--quiet", "."))
TYPES = Part("types", (str(BIN / "mypy"),))
# Its settings are found by name alone: it runs from the repository's root.
PLAYBOOKS = Part(
    "playbooks",
    (
        *("env", "ANSIBLE_CONFIG=deploy/ansible/ansible.cfg"),
        *(str(BIN / "ansible-lint"), "-qq", "--offline", "-c", "deploy/ansible/.ansible-lint", "deploy/ansible"),
    ),
)
ARCHITECTURE = Part("architecture", pytest("tests/test_architecture.py"))
# Two processes of one thread each: the library's tests compute, and most others wait for a process that they started.
LIBRARY = Part("library", pytest("tests/gradfilter", "-n", "2", "-m", "not long"), threads=1)
APART = ("tests/gradfilter", "tests/system", "tests/controller/browser", "tests/test_architecture.py")
UNIT = Part(
    "unit",
    pytest("tests", *(f"--ignore={path}" for path in APART), "-n", "2", "--dist", "loadfile", "-m", "not long"),
    threads=1,
)
PYTHON_36 = Part("python 3.6", (sys.executable, "tests/python36.py"), threads=1)
SYSTEM = Part("system", pytest("tests/system", "-m", "not long"))
BROWSER = Part("browser", pytest("tests/controller/browser", "-m", "not long"))
# The inner loop leaves out what waits for workers, services and whole jobs.
WAITING = (
    "tests/system",
    "tests/controller/browser",
    "tests/deploy",
    "tests/agent",
    "tests/gradfilter/bench",
    "tests/controller/test_cli_with_controller.py",
    "tests/controller/test_resuming.py",
    "tests/controller/test_scheduler.py",
)
QUICK = Part("quick", pytest("tests", *(f"--ignore={path}" for path in WAITING), "-m", "not long"))
LONG = tuple(
    Part(name, pytest(f"tests/{folder}", "-m", "long", "--durations=5"))
    for name, folder in (
        ("long library", "gradfilter"),
        ("long agent", "agent"),
        ("long controller", "controller"),
        ("long system", "system"),
        ("long hosts", "deploy"),
    )
)

CHECK = (FORMAT, LINT, TYPES, ARCHITECTURE)
VERBS = {
    "check": CHECK,
    "test": (*CHECK, PLAYBOOKS, LIBRARY, UNIT, PYTHON_36, SYSTEM, BROWSER),
    "quick": (LINT, QUICK),
    "long": LONG,
}


def run(part: Part) -> tuple[int, float]:
    """Run one part in the repository's root: exit status and minutes."""
    print(f"== {part.name}", flush=True)
    start = time.monotonic()
    # torch takes every core it sees, and the processes of one test then wait for each other.
    environment = {"OMP_NUM_THREADS": str(part.threads), "KEPT_REPORTS": str(ROOT / "reports"), **os.environ}
    status = subprocess.run(part.command, cwd=ROOT, env=environment, check=False).returncode
    return status, (time.monotonic() - start) / 60


def main(verb: str, only: str = "") -> int:
    """Run a verb's parts, or the one whose name is given, and print the table of minutes."""
    parts = [part for part in VERBS[verb] if only in ("", part.name)]
    if not parts:
        sys.exit(f"no part of {verb} is called {only!r}; there are: {', '.join(part.name for part in VERBS[verb])}.")
    results = [(part.name, *run(part)) for part in parts]
    print()
    for name, status, minutes in results:
        print(f"{name:15s} {minutes:5.1f} min  {'passed' if status == 0 else f'FAILED (exit {status})'}")
    failed = sum(status != 0 for _, status, _ in results)
    print(f"{'all parts':15s} {sum(minutes for *_, minutes in results):5.1f} min")
    print(f"parts: {len(results) - failed} passed, {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
