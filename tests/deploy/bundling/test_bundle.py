"""A bundle is checked and installed on the board by the programs inside it, without a network."""

import ensurepip
import json
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from deploy.bundling.archive import Collected, bundle_name, lay_out, pack
from deploy.bundling.boards import BoardType, EnvironmentType
from deploy.bundling.target import Target
from deploy.bundling.wheels import read_wheel
from tests.deploy.bundling.wheel_making import write_wheel

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HOST = BoardType(
    "host", "this machine", platform.machine(), "2.36", {"agent": EnvironmentType(PYTHON, ["program", "pip"])}
)


@pytest.fixture
def archive(tmp_path):
    """A bundle for this machine: one small program and the pip that Python itself carries."""
    collected = tmp_path / "collected"
    collected.mkdir()
    (pip,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    write_wheel(collected, "program", "1.0")
    shutil.copy(pip, collected)
    target = Target.of(HOST, HOST.environments["agent"])
    folder = tmp_path / bundle_name(HOST, "0.1.0")
    wheels = [read_wheel(path, target) for path in sorted(collected.iterdir())]
    lay_out(folder, HOST, "0.1.0", {"agent": Collected(wheels)})
    pack(folder, tmp_path / f"{folder.name}.tar.gz")
    return tmp_path / f"{folder.name}.tar.gz"


@pytest.fixture
def bundle(archive, tmp_path):
    """The folder that the archive holds, unpacked as on a board."""
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "board", filter="data")
    return tmp_path / "board" / "gradfilter-bundle-host-0.1.0"


def run(program, *arguments):
    result = subprocess.run(
        [sys.executable, str(program), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout + result.stderr


def test_untouched_bundle_is_well(bundle):
    """What arrives as it was collected is told so, with its board and version."""
    assert (0, "host 0.1.0: 5 files are as they were collected\n") == run(bundle / "verify.py")


def test_every_fault_is_named(bundle):
    """A changed, a missing and a foreign file are each told, and the check fails."""
    (bundle / "wheels" / "program-1.0-py3-none-any.whl").write_bytes(b"changed")
    (bundle / "install.py").unlink()
    (bundle / "wheels" / "stranger.whl").touch()
    status, said = run(bundle / "verify.py")
    assert 1 == status
    assert [
        "install.py is missing.",
        "wheels/program-1.0-py3-none-any.whl has another checksum than when it was collected.",
        "wheels/stranger.whl does not belong to the bundle.",
        "3 faults: copy the bundle to the board again.",
    ] == said.splitlines()


def test_bundle_of_another_machine_is_a_fault(bundle):
    """A Raspberry Pi's bundle is refused by a laptop."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**manifest, "machine": "riscv64"}))
    status, said = run(bundle / "verify.py")
    assert 1 == status
    assert f"the bundle is for host (riscv64), this machine is {platform.machine()}." in said


def test_environment_is_made_from_the_bundle_alone(bundle, tmp_path):
    """An environment holds what the manifest says, with no registry and no pip but the bundle's."""
    folder = tmp_path / "agent"
    assert (0, "") == run(bundle / "install.py", "agent", folder, "--python", sys.executable)
    assert (0, "1.0\n") == run_module(folder / "bin" / "python", "import program; print(program.VERSION)")
    status, said = run(bundle / "install.py", "agent", folder)
    assert (1, True) == (status, "exists" in said)


def test_swapped_wheel_is_not_installed(bundle, tmp_path):
    """Even without the check before it, the installation takes no file but the one that was collected."""
    write_wheel(bundle / "wheels", "program", "1.0", ["another"])
    status, said = run(bundle / "install.py", "agent", tmp_path / "agent", "--python", sys.executable)
    assert (1, True) == (status, "DO NOT MATCH THE HASHES" in said)


def test_same_files_give_the_same_archive(bundle, archive, tmp_path):
    """The archive depends on what it holds, not on when or by whom it was made."""
    pack(bundle, tmp_path / "again.tar.gz")
    assert archive.read_bytes() == (tmp_path / "again.tar.gz").read_bytes()


def run_module(python, code):
    result = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr
