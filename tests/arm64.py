"""Bundles for ARM boards, installed without a network in emulated Debian roots: `make test-arm64`.

The processor is emulated too, as the board's oldest core (QEMU_CPU): a torch with instructions that it lacks dies here
as it would there. Needs root, debootstrap, mmdebstrap and qemu-user-static; without them this is a named skip, and a
failure under CI=true.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.bundling.__main__ import make_bundle
from deploy.bundling.boards import BoardType, board_type
from deploy.bundling.errors import BundleError

ROOT = Path(__file__).resolve().parent.parent
BINFMT = Path("/proc/sys/fs/binfmt_misc")
EMULATOR = Path("/usr/lib/binfmt.d/qemu-aarch64.conf")
# In mount and network namespaces of its own: what the board sees of this machine ends with the command.
ENTER = (
    'mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount --bind /sys "$0/sys" && exec chroot "$0" "$@"'
)
PACKAGES = "python3,libstdc++6,libgomp1"
CHECK = ("/opt/worker/bin/python", "-m", "gradfilter.bench.convolution_check")


class BoardError(Exception):
    """A command on the emulated board did not end as it should."""


class Board:
    """An emulated board: a Debian root with its bundle unpacked, and the core that runs it."""

    def __init__(self, kind: BoardType, suite: str, root: Path) -> None:
        self.core = kind.core
        self._root = root
        _extract_debian(suite, root)
        for folder in ("dev", "proc", "sys", "opt", "tmp"):
            (root / folder).mkdir(exist_ok=True)
        if not (root / "bin" / "sh").exists():
            (root / "bin" / "sh").symlink_to("dash")
        archive = make_bundle(kind)
        shutil.unpack_archive(archive, root / "opt", filter="data")
        (root / "opt" / archive.name.removesuffix(".tar.gz")).rename(root / "opt" / "bundle")

    def run(self, *command: str, status: int = 0, core: str = "", shown: bool = True) -> str:
        """Run a command on the board without a network, and print what it was, what it said and how long it took."""
        core = core or self.core
        print(f"[{core}]$ {' '.join(command)}", flush=True)
        start = time.monotonic()
        enter = ["unshare", "--mount", "--net", "--", "sh", "-c", ENTER, str(self._root), *command]
        environment = {
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/root",
            "QEMU_CPU": core,
            "OMP_NUM_THREADS": "2",
        }
        done = subprocess.run(
            enter, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        print(
            f"{done.stdout if shown else ''}    status {done.returncode}, {time.monotonic() - start:.0f} s", flush=True
        )
        if done.returncode != status:
            raise BoardError(f"{command[0]} ended with status {done.returncode}, expected {status}")
        return done.stdout


def _extract_debian(suite: str, root: Path) -> None:
    """A root that is unpacked and not configured: that would be emulated, for minutes, and Python needs none of it."""
    command = [
        "debootstrap",
        "--foreign",
        "--arch=arm64",
        "--variant=minbase",
        f"--include={PACKAGES}",
        suite,
        str(root),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for package in (root / "var" / "cache" / "apt" / "archives").glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True)


def raspberry_pi(work: Path, name: str) -> Board:
    """The board's environments, made from its bundle, convolve right."""
    board = Board(board_type(name), "bookworm", work / name)
    board.run("python3.11", "/opt/bundle/verify.py")
    board.run("python3.11", "/opt/bundle/install.py", "agent", "/opt/agent")
    board.run("python3.11", "/opt/bundle/install.py", "worker", "/opt/worker")
    board.run(*CHECK)
    return board


def test_raspberry_pi_4(work: Path) -> None:
    """The agent's description says that the worker convolves right on an ARMv8.0 core."""
    board = raspberry_pi(work, "raspberry-pi-3-4")
    said = board.run("/opt/agent/bin/gradfilter-agent", "--worker-python", CHECK[0], "device", "--worker", shown=False)
    convolutions = json.loads(said)["worker"]["convolutions"]
    print(f"    convolutions: {convolutions}", flush=True)
    if [True] != [check["correct"] for check in convolutions]:
        raise BoardError("the board's description holds no right convolution")


def test_raspberry_pi_5(work: Path) -> None:
    """Its torch convolves right on its core, and is not for a Raspberry Pi 4, whose core it ends on."""
    board = raspberry_pi(work, "raspberry-pi-5")
    board.run(*CHECK, core="cortex-a72", status=-signal.SIGILL)


def test_jetson_nano(work: Path) -> None:
    """The interpreter of the bundle runs the agent on a system whose C library is older than the interpreter's."""
    board = Board(board_type("jetson-nano"), "bullseye", work / "jetson-nano")
    board.run("python3.9", "/opt/bundle/verify.py")
    board.run("cp", "-r", "/opt/bundle/python", "/opt/python")
    board.run("python3.9", "/opt/bundle/install.py", "agent", "/opt/agent", "--python", "/opt/python/bin/python3.11")
    board.run("/opt/agent/bin/gradfilter-agent", "--version")
    board.run("/opt/agent/bin/gradfilter-agent", "sensors")


def main(wanted: list[str]) -> int:
    """Run the boards whose names are wanted, or all; the exit status."""
    missing = [tool for tool in ("debootstrap", "mmdebstrap", "unshare") if shutil.which(tool) is None]
    missing += [] if EMULATOR.exists() else ["qemu-user-static"]
    missing += [] if os.geteuid() == 0 else ["root"]
    if missing:
        print(f"SKIPPED: needs {', '.join(missing)}; as root, apt-get install debootstrap mmdebstrap qemu-user-static")
        return int(os.environ.get("CI") == "true")
    tests = [test_raspberry_pi_4, test_raspberry_pi_5, test_jetson_nano]
    chosen = [test for test in tests if not wanted or test.__name__ in wanted]
    (ROOT / "var").mkdir(exist_ok=True)
    with emulation():
        failed = [test.__name__ for test in chosen if not passes(test)]
    print(f"parts: {len(chosen) - len(failed)} passed, {len(failed)} failed")
    return int(bool(failed))


def passes(test) -> bool:
    print(f"== {test.__name__}: {test.__doc__}", flush=True)
    with tempfile.TemporaryDirectory(prefix="arm64-", dir=ROOT / "var") as work:
        try:
            test(Path(work))
        except (BoardError, BundleError, subprocess.CalledProcessError) as error:
            print(f"FAILED: {error}", flush=True)
            return False
    return True


@contextmanager
def emulation() -> Iterator[None]:
    """The kernel starts ARM programs by the emulator; undone at the end if it did not before."""
    mounted = (BINFMT / "register").exists()
    if not mounted:
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
    known = (BINFMT / "qemu-aarch64").exists()
    if not known:
        (BINFMT / "register").write_text(EMULATOR.read_text())
    try:
        yield
    finally:
        if not known:
            (BINFMT / "qemu-aarch64").write_text("-1")
        if not mounted:
            subprocess.run(["umount", str(BINFMT)], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
