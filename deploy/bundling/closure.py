"""What an environment needs, down to the last wheel: followed from wheel to wheel, by the board's markers.

pip cannot do it: `pip download --platform` judges markers by the machine it runs on, and would collect a laptop's
CUDA packages for a Raspberry Pi.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from deploy.bundling.errors import BundleError
from deploy.bundling.pins import Pins
from deploy.bundling.target import Target
from deploy.bundling.wheels import Wheel, fetch, read_wheel

_CUDA = ("nvidia-", "cuda-")


@dataclass
class Closure:
    """Collects the wheels of one environment into a folder that may hold many from earlier bundles.

    own: wheels that are built here, by name, which no registry has in this version.
    """

    target: Target
    pins: Pins
    folder: Path
    own: dict[str, Path]
    say: Callable[[str], None]
    wheels: dict[str, Wheel] = field(default_factory=dict)

    def collect(self, packages: Iterable[str]) -> list[Wheel]:
        """The wheels of those packages and of all that they need, sorted by name.

        Raises:
            BundleError: something cannot be had, or does not fit.
        """
        wanted = [(Requirement(package), "deploy/boards.json") for package in packages]
        followed: set[tuple[str, frozenset[str]]] = set()
        while wanted:
            self._fetch_missing(wanted)
            wanted = [need for requirement, _ in wanted for need in self._follow(requirement, followed)]
        return [self.wheels[name] for name in sorted(self.wheels)]

    def _fetch_missing(self, wanted: list[tuple[Requirement, str]]) -> None:
        """One call of pip for everything that is new, since each call takes a second or two."""
        new = {name: pair for pair in wanted if (name := canonicalize_name(pair[0].name)) not in self.wheels}
        pins = {name: self.pins.pin(*pair) for name, pair in new.items() if name not in self.own}
        absent = [pin for pin in pins.values() if self._on_disk(pin) is None]
        if absent:
            self.say(f"fetching {', '.join(absent)}")
            fetch(absent, self.target, self.folder)
        for name in new:
            path = self.own.get(name) or self._on_disk(pins[name])
            if path is None:
                raise BundleError(f"pip said that it fetched {pins[name]}, but {self.folder} holds no such wheel.")
            self.wheels[name] = read_wheel(path, self.target)

    def _on_disk(self, pin: str) -> Path | None:
        """A wheel of that pin which the target can install; a local version (2.13.0+cpu) goes before the plain one."""
        name, _, version = pin.partition("==")
        found = {}
        for path in self.folder.glob("*.whl"):
            its_name, its_version, _, tags = parse_wheel_filename(path.name)
            if its_name == name and version in (its_version.public, str(its_version)) and tags & self.target.tags():
                found[its_version] = path
        return found[max(found)] if found else None

    def _follow(
        self, requirement: Requirement, followed: set[tuple[str, frozenset[str]]]
    ) -> list[tuple[Requirement, str]]:
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in followed:
            return []
        followed.add(key)
        wheel = self.wheels[key[0]]
        needs = [need for need in wheel.requires if self.target.needs(need, key[1])]
        cuda = [need.name for need in needs if need.name.startswith(_CUDA)]
        if cuda and wheel.name == "torch":
            raise BundleError(
                f"{wheel.path.name} is a CUDA build, which takes several GB more ({', '.join(cuda)}). Point "
                f"PIP_EXTRA_INDEX_URL at PyTorch's index of CPU wheels (pytorch.org, Get Started), delete {wheel.path} "
                "and make the bundle again."
            )
        return [(need, wheel.path.name) for need in needs]
