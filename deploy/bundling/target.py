"""An environment of a board as pip sees it from another machine: its platform's tags and its markers."""

from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags

from deploy.bundling.boards import BoardType, EnvironmentType

# The older names of manylinux_2_17, 2_12 and 2_5, which wheels still carry.
_OLDER_NAMES = {"aarch64": ["manylinux2014"], "x86_64": ["manylinux2014", "manylinux2010", "manylinux1"]}
_OLDEST_MINOR = {"aarch64": 17, "x86_64": 5}


@dataclass(frozen=True)
class Target:
    """A Python (such as "3.11") on a machine with that C library."""

    python: str
    machine: str
    glibc: str

    @classmethod
    def of(cls, board: BoardType, environment: EnvironmentType) -> "Target":
        """The target of one environment of a board."""
        return cls(environment.python, board.machine, board.glibc)

    def platforms(self) -> list[str]:
        """The platform tags it can install, the newest first."""
        newest = int(self.glibc.partition(".")[2])
        minors = range(newest, _OLDEST_MINOR[self.machine] - 1, -1)
        names = [f"manylinux_2_{minor}" for minor in minors] + _OLDER_NAMES[self.machine] + ["linux"]
        return [f"{name}_{self.machine}" for name in names]

    def tags(self) -> frozenset[Tag]:
        """Every tag of a wheel that it can install."""
        major, minor = map(int, self.python.split("."))
        platforms = self.platforms()
        return frozenset(cpython_tags((major, minor), platforms=platforms)) | frozenset(
            compatible_tags((major, minor), interpreter=f"cp{major}{minor}", platforms=platforms)
        )

    def needs(self, requirement: Requirement, extras: frozenset[str]) -> bool:
        """Whether a requirement of a wheel counts here. pip would judge its marker by the Python that pip runs in."""
        marker = requirement.marker
        return marker is None or any(marker.evaluate({**self._facts(), "extra": extra}) for extra in extras | {""})

    def _facts(self) -> dict[str, str]:
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }
