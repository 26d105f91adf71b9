"""The project's own two wheels, built from a copy of the sources, so that no earlier build's leftovers enter."""

import shutil
import subprocess
import sys
from pathlib import Path

from packaging.utils import parse_wheel_filename

from deploy.bundling.errors import BundleError

_SOURCES = ("agent", "controller", "deploy", "migrations", "gradfilter", "pyproject.toml", "README.md", "LICENSE")
_LEFTOVERS = shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__")


def build_own_wheels(source: Path, work: Path) -> dict[str, Path]:
    """The wheels of gradfilter and gradfilter-bench, by name. source: the repository's root; work: a folder of its own.

    Raises:
        BundleError: the build failed; the message holds its end.
    """
    copy, wheels = work / "source", work / "wheels"
    copy.mkdir(parents=True)
    for name in _SOURCES:
        entry = source / name
        if entry.is_dir():
            shutil.copytree(entry, copy / name, ignore=_LEFTOVERS)
        else:
            shutil.copy(entry, copy / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-build-isolation",
    ]
    built = subprocess.run(
        [*command, "--wheel-dir", str(wheels), str(copy / "gradfilter"), str(copy)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if built.returncode != 0:
        raise BundleError(f"the project's own wheels cannot be built: {built.stderr.strip()[-2000:]}")
    return {str(parse_wheel_filename(path.name)[0]): path for path in sorted(wheels.glob("*.whl"))}
