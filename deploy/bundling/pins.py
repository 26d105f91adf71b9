"""The versions that a bundle may hold: one for each package, from a constraints file and the board's own changes."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.bundling.errors import BundleError


class Pins:
    """name → version. Names are compared as pip compares them."""

    def __init__(self, constraints: Path, versions: dict[str, str]) -> None:
        self._constraints = constraints
        self._versions = _read(constraints)
        self._versions.update({canonicalize_name(name): version for name, version in versions.items()})

    def pin(self, requirement: Requirement, needed_by: str) -> str:
        """name==version for a requirement.

        Raises:
            BundleError: no version is pinned, or one that the requirement does not take.
        """
        name = canonicalize_name(requirement.name)
        version = self._versions.get(name)
        where = f"{self._constraints.name} or the board's versions in deploy/boards.json"
        if version is None:
            raise BundleError(f"{needed_by} needs {requirement}, of which no version is pinned: pin one in {where}.")
        if not requirement.specifier.contains(version, prereleases=True):
            raise BundleError(f"{needed_by} needs {requirement}, but {version} is pinned: change it in {where}.")
        return f"{name}=={version}"


def _read(constraints: Path) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in constraints.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("==") for line in lines if line)
    return {str(canonicalize_name(name)): version for name, version in pairs}
