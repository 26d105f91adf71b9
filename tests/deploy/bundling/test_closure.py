"""What a board needs is followed from wheel to wheel by the board's own markers."""

import pytest
from packaging.requirements import Requirement

from deploy.bundling.closure import Closure
from deploy.bundling.errors import BundleError
from deploy.bundling.pins import Pins
from deploy.bundling.target import Target
from deploy.bundling.wheels import read_wheel
from tests.deploy.bundling.wheel_making import write_wheel

PI = Target("3.11", "aarch64", "2.36")
NANO = Target("3.6", "aarch64", "2.27")


@pytest.fixture
def collect(tmp_path):
    """collect(packages, pins): names and versions of the closure, from wheels written beforehand into tmp_path."""

    def collected(packages, pins, target=PI, own=None):
        constraints = tmp_path / "constraints.txt"
        constraints.write_text("".join(f"{name}=={version}  # why\n" for name, version in pins.items()))
        closure = Closure(target, Pins(constraints, {}), tmp_path, own or {}, print)
        return {wheel.name: wheel.version for wheel in closure.collect(packages)}

    return collected


def test_needs_are_followed_to_the_end(collect, tmp_path):
    """What a package needs comes along, and what that needs."""
    write_wheel(tmp_path, "first", "1.0", ["Second_One>=2"])
    write_wheel(tmp_path, "second-one", "2.1", ["third"])
    write_wheel(tmp_path, "third", "3.0")
    found = collect(["first"], {"first": "1.0", "second-one": "2.1", "third": "3.0"})
    assert {"first": "1.0", "second-one": "2.1", "third": "3.0"} == found


def test_markers_are_judged_by_the_board(collect, tmp_path):
    """A laptop's packages do not enter a board's bundle, an old Python's do enter a Nano's."""
    needs = ["laptop; platform_machine == 'x86_64'", "backport; python_version < '3.7'", "plug; extra == 'mqtt'"]
    write_wheel(tmp_path, "program", "1.0", needs)
    write_wheel(tmp_path, "backport", "0.8")
    write_wheel(tmp_path, "plug", "2.0")
    pins = {"program": "1.0", "backport": "0.8", "plug": "2.0"}
    assert {"program": "1.0"} == collect(["program"], pins)
    assert {"program": "1.0", "backport": "0.8"} == collect(["program"], pins, NANO)
    assert {"program": "1.0", "plug": "2.0"} == collect(["program[mqtt]"], pins)


def test_extra_asked_for_later_counts(collect, tmp_path):
    """A package that was followed plainly is followed again when another asks for its extra."""
    write_wheel(tmp_path, "program", "1.0", ["plug; extra == 'mqtt'"])
    write_wheel(tmp_path, "other", "1.0", ["program[mqtt]"])
    write_wheel(tmp_path, "plug", "2.0")
    found = collect(["program", "other"], {"program": "1.0", "other": "1.0", "plug": "2.0"})
    assert {"other": "1.0", "plug": "2.0", "program": "1.0"} == found


def test_wheel_for_the_board_is_chosen(collect, tmp_path):
    """Of several builds of one version the one that the board can install is taken, a local version first."""
    for tags in ("cp311-cp311-manylinux_2_28_x86_64", "cp310-cp310-manylinux_2_28_aarch64"):
        write_wheel(tmp_path, "torch", "2.9", tags=tags)
    write_wheel(tmp_path, "torch", "2.9", tags="cp311-cp311-manylinux2014_aarch64")
    write_wheel(tmp_path, "torch", "2.9+cpu", tags="cp311-cp311-manylinux2014_aarch64")
    assert {"torch": "2.9+cpu"} == collect(["torch"], {"torch": "2.9"})


def test_own_wheel_needs_no_pin(collect, tmp_path):
    """The project's own packages are the ones just built."""
    own = write_wheel(tmp_path, "gradfilter", "0.1.0")
    assert {"gradfilter": "0.1.0"} == collect(["gradfilter"], {}, own={"gradfilter": own})


def test_cuda_build_is_refused(collect, tmp_path):
    """A torch that would bring CUDA's packages is refused before they are fetched, with what to do."""
    write_wheel(tmp_path, "torch", "2.9", ["nvidia-cudnn-cu12; platform_system == 'Linux'"])
    with pytest.raises(BundleError, match=r"is a CUDA build.*PIP_EXTRA_INDEX_URL"):
        collect(["torch"], {"torch": "2.9"})


def test_unpinned_need_is_refused(collect, tmp_path):
    """A bundle holds no version that nobody chose."""
    write_wheel(tmp_path, "program", "1.0", ["stranger"])
    with pytest.raises(BundleError, match="needs stranger, of which no version is pinned"):
        collect(["program"], {"program": "1.0"})


def test_pin_against_a_need_is_refused(tmp_path):
    """A pinned version that a package does not take is named with both."""
    (tmp_path / "constraints.txt").write_text("numpy==2.4\n")
    pins = Pins(tmp_path / "constraints.txt", {"NumPy": "1.19"})
    with pytest.raises(BundleError, match=r"torch needs numpy>=1.20, but 1.19 is pinned"):
        pins.pin(Requirement("numpy>=1.20"), "torch")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tags": "cp311-cp311-manylinux_2_39_aarch64"}, "does not install on Python 3.11 on aarch64 with glibc 2.36"),
        ({"tags": "cp311-cp311-linux_x86_64"}, "does not install"),
        ({"python": ">=3.12"}, "needs Python >=3.12, the board has 3.11"),
    ],
)
def test_unfit_wheel_is_refused(tmp_path, options, words):
    """A wheel that the board could not install is found out where it is collected, not on the board."""
    with pytest.raises(BundleError, match=words):
        read_wheel(write_wheel(tmp_path, "torch", "2.9", **options), PI)


def test_damaged_wheel_is_refused(tmp_path):
    """A download that broke off is named."""
    wheel = write_wheel(tmp_path, "torch", "2.9")
    wheel.write_bytes(wheel.read_bytes()[:-40])
    with pytest.raises(BundleError, match="is no wheel"):
        read_wheel(wheel, PI)
