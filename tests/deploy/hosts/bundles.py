"""Bundles for the hosts, made of this checkout or of a changed copy of it, as `make bundle` makes them."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

from deploy.bundling.__main__ import ROOT, make_bundle
from deploy.bundling.boards import board_type
from deploy.bundling.errors import BundleError
from tests.deploy.hosts.image import kept_folder
from tests.missing import missing

BOARD_TYPE = "x86-64-test-host"
_NOT_COPIED = shutil.ignore_patterns(".*", "var", "tests", "reports", "build", "*.egg-info", "__pycache__")


def bundle(folder: Path, source: Path = ROOT) -> Path:
    """The archive of the sources' version, in the folder; wheels from elsewhere are kept for the next time."""
    kept = kept_folder() / "wheels"
    kept.mkdir(parents=True, exist_ok=True)
    if not (folder / "wheels").exists():
        (folder / "wheels").symlink_to(kept)
    with (kept_folder() / "wheels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return make_bundle(board_type(BOARD_TYPE), source=source, output=folder)
        except BundleError as error:
            missing(f"no bundle for the tests' hosts: {error}")


def changed_bundle(folder: Path, version: str, change: Callable[[Path], None]) -> Path:
    """The archive of a copy of the sources with another version and what the change makes of them."""
    copy = folder / f"source-{version}"
    shutil.copytree(ROOT, copy, ignore=_NOT_COPIED)
    declared = copy / "agent" / "__init__.py"
    before = declared.read_text()
    after = before.replace('VERSION = "0.1.0"', f'VERSION = "{version}"')
    assert before != after, "the agent's version is declared in another way: change it here too"
    declared.write_text(after)
    change(copy)
    return bundle(folder, copy)
