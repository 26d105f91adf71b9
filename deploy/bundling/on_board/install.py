"""Make one of the bundle's environments, without a network.

    python3 install.py ENVIRONMENT FOLDER [--python PYTHON]

ENVIRONMENT is agent, worker or another that the manifest names; FOLDER is the virtual environment to make, which must
not exist. pip takes only the bundle's own files, and of those only the ones whose checksums the requirements name.
pip itself comes from the bundle: the board's Python needs neither pip nor ensurepip (Debian's python3-venv).
Where a wheel is missing that must be had by hand, as NVIDIA's torch, the environment sees the packages of its Python.
Runs on any Python from 3.6 on, and needs nothing but it.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

BUNDLE = Path(__file__).resolve().parent


def main(arguments: List[str]) -> int:
    """Make the environment; the exit status."""
    environments = json.loads((BUNDLE / "manifest.json").read_text(encoding="utf-8"))["environments"]
    options = parser(environments).parse_args(arguments)
    environment = environments[options.environment]
    if options.folder.exists():
        print("%s exists: remove it, or name another folder." % options.folder)
        return 1
    if environment["interpreter"] == "bundle" and not options.python:
        print(
            "%s's Python is in the bundle: copy python/ to where it stays, and name it by --python."
            % options.environment
        )
        return 1
    venv = [options.python or "python%s" % environment["python"], "-m", "venv", "--without-pip"]
    venv += ["--system-site-packages"] if environment["missing"] else []
    for step in ([*venv, str(options.folder)], pip(options.folder, environment)):
        status = subprocess.call(step)
        if status != 0:
            print("%s ended with status %d." % (" ".join(step), status))
            return 1
    return 0


def pip(folder: Path, environment: Dict[str, Any]) -> List[str]:
    """The bundle's pip, run from within its wheel by the new environment's Python."""
    (wheel,) = (BUNDLE / "wheels").glob("pip-%s-*.whl" % environment["versions"]["pip"])
    command = [str(folder / "bin" / "python"), str(wheel / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-cache-dir", "--no-index", "--no-deps", "--require-hashes"]
    command += ["--find-links", str(BUNDLE / "wheels"), "--requirement", str(BUNDLE / environment["requirements"])]
    return command


def parser(environments: Dict[str, Any]) -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(description="Make one of the bundle's environments.")
    result.add_argument("environment", choices=sorted(environments))
    result.add_argument("folder", type=Path, help="the virtual environment to make")
    result.add_argument("--python", help="the interpreter to make it with")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
