"""A Python of its own for boards whose system has an old one: Debian's, with the C library that it was built for.

The interpreter is started through that library's own loader, so that it runs on any older system with a kernel that the
library accepts (3.2 and later); nothing of the board's own libraries enters. Debian 12 has it for every machine here.
"""

import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from deploy.bundling.errors import BundleError

PYTHON = "3.11"
_SUITE = "bookworm"
_ARCHITECTURES = {"aarch64": "arm64", "x86_64": "amd64"}
_LOADERS = {"aarch64": "ld-linux-aarch64.so.1", "x86_64": "ld-linux-x86-64.so.2"}
_SHARED_LIBRARY = re.compile(r"lib.+\.so\.[0-9]+")
# A service needs no editor, tests or manual.
_LEFT_OUT = shutil.ignore_patterns("test", "idlelib", "lib2to3", "turtledemo", "pydoc_data", "__pycache__", "config-*")
_STARTER = """#!/bin/sh
# Debian's Python {python} with its own C library. $0 may be a link in a virtual environment, which Python must be told.
here=$(dirname "$(readlink -f "$0")")
exec "$here/../lib/{loader}" --argv0 "$0" --library-path "$here/../lib" "$here/../libexec/python{python}" "$@"
"""


def collect_interpreter(machine: str, folder: Path) -> None:
    """Fill the folder, which must not exist: bin/python3.11 runs from wherever the folder is put.

    Raises:
        BundleError: Debian's packages cannot be had.
    """
    if shutil.which("mmdebstrap") is None:
        raise BundleError("the board needs an interpreter, which mmdebstrap fetches: apt-get install mmdebstrap.")
    with tempfile.TemporaryDirectory() as work:
        root = Path(work) / "root"
        _extract(_ARCHITECTURES[machine], root)
        shutil.copytree(root / "usr" / "lib" / f"python{PYTHON}", folder / "lib" / f"python{PYTHON}", ignore=_LEFT_OUT)
        _copy_libraries(root, f"{machine}-linux-gnu", folder / "lib")
        (folder / "libexec").mkdir()
        shutil.copy(root / "usr" / "bin" / f"python{PYTHON}", folder / "libexec")
        shutil.copy(next(root.glob(f"lib*/**/{_LOADERS[machine]}")), folder / "lib" / _LOADERS[machine])
    (folder / "bin").mkdir()
    starter = folder / "bin" / f"python{PYTHON}"
    starter.write_text(_STARTER.format(python=PYTHON, loader=_LOADERS[machine]), encoding="utf-8")
    for program in (starter, folder / "lib" / _LOADERS[machine]):
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _extract(architecture: str, root: Path) -> None:
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--arch={architecture}"]
    command += [f"--include=python{PYTHON},libstdc++6", _SUITE, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise BundleError(f"mmdebstrap cannot fetch Debian's Python for {architecture}: {done.stderr.strip()[-1000:]}")


def _copy_libraries(root: Path, triplet: str, target: Path) -> None:
    """Every shared library under the name by which others ask for it."""
    for parent in (root / "lib" / triplet, root / "usr" / "lib" / triplet):
        for path in sorted(parent.iterdir()):
            if _SHARED_LIBRARY.fullmatch(path.name) and path.is_file():
                shutil.copy(path, target / path.name)
