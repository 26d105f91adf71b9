"""The parts of the test suite: what each `make` verb runs, with the minutes each took.

    python tests/parts.py VERB [PART]

They run one after another; but one that waits more than it computes runs beside the others, and says what it has to
say when it has ended. Every part runs even when an earlier one failed, so that one broken thing does not hide the
next; the exit status is that of the whole. Under CI=true a missing piece is a failure, elsewhere a named skip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
REPORTS = "reports"
ON_HOSTS = "tests/deploy/test_hosts.py"


@dataclass(frozen=True)
class Part:
    """One command of the suite: what the summary calls it, and how many threads each of its processes may take.

    beside: it begins with the others and goes on beside them.
    """

    name: str
    command: tuple[str, ...]
    threads: int = 2
    beside: bool = False


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
# Hosts are made, booted and installed: minutes of downloads, disks and SSH.
HOSTS = Part("hosts", pytest(ON_HOSTS, "-m", "not long"), threads=1, beside=True)
# Whole services, and their pages in a browser.
WHOLE = ("tests/system", "tests/controller/browser")
APART = ("tests/gradfilter", ON_HOSTS, *WHOLE, "tests/test_architecture.py")
UNIT = Part(
    "unit",
    pytest("tests", *(f"--ignore={path}" for path in APART), "-n", "2", "--dist", "loadfile", "-m", "not long"),
    threads=1,
)
PYTHON_36 = Part("python 3.6", (sys.executable, "tests/python36.py"), threads=1)
SYSTEM = Part("system", pytest(*WHOLE, "-n", "2", "--dist", "loadfile", "-m", "not long"), threads=1)
# The inner loop leaves out what waits for workers, services and whole jobs.
WAITING = (
    *WHOLE,
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
    "test": (HOSTS, *CHECK, PLAYBOOKS, LIBRARY, UNIT, PYTHON_36, SYSTEM),
    "quick": (LINT, QUICK),
    "long": LONG,
}


@dataclass(frozen=True)
class Result:
    """How a part ended, and the minutes it took."""

    part: Part
    status: int
    minutes: float


def run(part: Part, root: Path) -> Result:
    """Run one part in this folder."""
    if not part.beside:
        print(f"== {part.name}", flush=True)
        return _run(part, root, None)
    said = root / REPORTS / f"{part.name}.log"
    said.parent.mkdir(exist_ok=True)
    print(f"== {part.name} has begun beside the others, see {said.relative_to(root)}", flush=True)
    with said.open("w") as file:
        result = _run(part, root, file)
    print(f"== {part.name} has ended\n{said.read_text(errors='replace')}", flush=True)
    return result


def _run(part: Part, root: Path, file: TextIO | None) -> Result:
    """What it says goes into the file, if there is one."""
    start_s = time.monotonic()
    # torch takes every core it sees, and the processes of one test then wait for each other.
    environment = {"OMP_NUM_THREADS": str(part.threads), "KEPT_REPORTS": str(root / REPORTS), **os.environ}
    ended = subprocess.run(part.command, cwd=root, env=environment, stdout=file, stderr=file, check=False)
    return Result(part, ended.returncode, (time.monotonic() - start_s) / 60)


def run_all(parts: Sequence[Part], root: Path = ROOT) -> int:
    """Run the parts and print the table of minutes; how many failed."""
    start_s = time.monotonic()
    with ThreadPoolExecutor() as threads:
        beside = [threads.submit(run, part, root) for part in parts if part.beside]
        results = [run(part, root) for part in parts if not part.beside] + [future.result() for future in beside]
    print()
    for result in results:
        verdict = "passed" if result.status == 0 else f"FAILED (exit {result.status})"
        beside_others = ", beside the others" * result.part.beside
        print(f"{result.part.name:15s} {result.minutes:5.1f} min  {verdict}{beside_others}")
    failed = sum(result.status != 0 for result in results)
    print(f"{'all parts':15s} {(time.monotonic() - start_s) / 60:5.1f} min")
    print(f"parts: {len(results) - failed} passed, {failed} failed")
    return failed


def main(verb: str, only: str = "") -> int:
    """Run a verb's parts, or the one whose name is given: the exit status."""
    parts = [part for part in VERBS[verb] if only in ("", part.name)]
    if not parts:
        sys.exit(f"no part of {verb} is called {only!r}; there are: {', '.join(part.name for part in VERBS[verb])}.")
    return min(run_all(parts), 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
