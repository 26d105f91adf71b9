"""Wheels: what their metadata say, and fetching them for a platform that is not this one."""

import hashlib
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from deploy.bundling.errors import BundleError
from deploy.bundling.target import Target

# A wheel's own; those of what it vendors lie deeper.
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")


@dataclass(frozen=True)
class Wheel:
    """A wheel on disk. name is canonical, as in pip's own comparisons."""

    path: Path
    name: str
    version: str
    requires: tuple[Requirement, ...]

    def sha256(self) -> str:
        """The file's hash, in hexadecimal."""
        return sha256(self.path)


def read_wheel(path: Path, target: Target) -> Wheel:
    """A wheel, once it is sure that the target can install it.

    Raises:
        BundleError: the file is damaged, or meant for another platform or Python.
    """
    name, version, _, tags = parse_wheel_filename(path.name)
    if not tags & target.tags():
        where = f"Python {target.python} on {target.machine} with glibc {target.glibc}"
        raise BundleError(f"{path.name} does not install on {where}: pin a version that has a wheel for it.")
    metadata = _metadata(path)
    python = metadata["Requires-Python"]
    if python and not SpecifierSet(python).contains(f"{target.python}.0"):
        raise BundleError(f"{path.name} needs Python {python}, the board has {target.python}: pin another version.")
    requires = tuple(Requirement(line) for line in metadata.get_all("Requires-Dist", []))
    return Wheel(path, canonicalize_name(name), str(version), requires)


def fetch(pins: list[str], target: Target, folder: Path) -> None:
    """Download the wheels of those pins (name==version), without what they need, into folder.

    Raises:
        BundleError: pip found no wheel; the message holds its words.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", target.python]
    for platform in target.platforms():
        command += ["--platform", platform]
    pip = subprocess.run(
        [*command, "--dest", str(folder), *pins], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if pip.returncode != 0:
        raise BundleError(f"pip cannot fetch {', '.join(pins)} for {target}: {pip.stderr.strip()}")


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _metadata(path: Path) -> Message:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
            if broken is not None:
                raise BundleError(f"{path} is damaged at {broken}: delete it, it is fetched again.")
            (name,) = (entry for entry in archive.namelist() if _METADATA.fullmatch(entry))
            return HeaderParser().parsestr(archive.read(name).decode("utf-8"))
    except (zipfile.BadZipFile, ValueError) as error:
        raise BundleError(f"{path} is no wheel ({error}): delete it, it is fetched again.") from error
