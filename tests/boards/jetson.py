"""A made-up Jetson that the real jtop.service and its real client take for theirs, in a namespace of its own.

jtop reads /sys and has its socket in /run, so a process is needed whose /sys and /run are the board's. The namespaces
hang on one process; with its end, or the test's, everything that was started in them is gone, mounts included.
Root, or the right to make user namespaces, is needed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

from tests.boards import write_files

_FILES = Path(__file__).with_name("jtop")
# A process id namespace ends with its first process; cat ends with the test's end of the pipe.
_UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
_ENTER = ["--mount", "--pid"]
if os.geteuid() != 0:
    _UNSHARE[1:1] = ["--user", "--map-root-user"]
    _ENTER[:0] = ["--user", "--preserve-credentials"]
_MOUNTS = """
set -e
mount -t tmpfs none "$ROOT/scratch"
mount --bind "$ROOT/etc/group" /etc/group
mount --rbind "$ROOT/sys" /sys
mount --bind "$ROOT/run" /run
echo ready
exec cat
"""
_OVERLAY = """
set -e
mkdir "$SCRATCH" "$SCRATCH/upper" "$SCRATCH/work"
mount -t overlay none -o "lowerdir=$FOLDER,upperdir=$SCRATCH/upper,workdir=$SCRATCH/work,$OPTIONS" "$FOLDER"
"""
_NVPMODEL = """#!/bin/sh
# The part of NVIDIA's nvpmodel that jtop uses: -q, -m NUMBER, -p.
modes="{modes}"
case "$1" in
-q) number=$(cat {state}); set -- $modes; shift "$number"; echo "NV Power Mode: $1"; echo "$number" ;;
-m) echo "$2" > {state} ;;
-p) number=0
    echo "NVPM VERB: PM_CONFIG: DEFAULT={default}(0)"
    for mode in $modes; do
        echo "NVPM VERB: POWER_MODEL: ID=$number NAME=$mode"
        number=$((number + 1))
    done ;;
esac
"""
_MODES = {"jetson-nano": "MAXN 5W", "jetson-orin-nano": "15W 25W MAXN_SUPER"}


class JetsonFiles:
    """A board's files below `root`, which programs see at `seen_at`."""

    def __init__(self, name: str, root: Path, seen_at: Path) -> None:
        self.name, self.root = name, root
        write_files(_FILES / f"{name}.txt", root)
        self._add_processors()
        self._add_nvpmodel(seen_at)

    def write(self, pattern: str, value: float | str) -> None:
        """Give the one file below /sys that the pattern names a new content, in one step: none reads half of it."""
        [file] = (self.root / "sys").glob(pattern)
        new = file.with_name(f".{file.name}")
        new.write_text(f"{value}\n")
        new.replace(file)

    def set_input_power(self, watts: float) -> None:
        """What the rail draws that feeds the board, at 5 V."""
        milliamperes = round(watts * 200)
        if self.name == "jetson-nano":
            self.write("bus/i2c/devices/6-0040/iio:device0/in_current0_input", milliamperes)
            self.write("bus/i2c/devices/6-0040/iio:device0/in_power0_input", milliamperes * 5)
        else:
            self.write("bus/i2c/devices/1-0040/hwmon/hwmon1/curr1_input", milliamperes)

    def _add_processors(self) -> None:
        """As many as /proc/stat lists, which stays this machine's: jtop trips over any other number."""
        folder = self.root / "sys/devices/system/cpu"
        for number in range(os.cpu_count() or 1):
            frequencies = folder / f"cpu{number}" / "cpufreq"
            frequencies.mkdir(parents=True)
            (frequencies.parent / "online").write_text("1\n")
            (frequencies / "scaling_governor").write_text("schedutil\n")
            for kind in ("min", "max", "cur"):
                for owner in ("scaling", "cpuinfo"):
                    (frequencies / f"{owner}_{kind}_freq").write_text("1479000\n")

    def _add_nvpmodel(self, seen_at: Path) -> None:
        program, state = self.root / "bin/nvpmodel", self.root / "nvpmodel"
        program.parent.mkdir()
        state.write_text("0\n")
        modes = _MODES[self.name]
        program.write_text(_NVPMODEL.format(modes=modes, state=seen_at / state.name, default=modes.split()[0]))
        program.chmod(0o755)


class Jetson(JetsonFiles):
    """A board by name: its files below `root`, and processes for which these are /sys and /run."""

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(name, root, root)
        self._started: list[subprocess.Popen] = []
        self._kept = 0
        self._add_group()
        for folder in ("run", "scratch"):
            (root / folder).mkdir()
        self._init = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", _MOUNTS],
            env={**os.environ, "ROOT": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = self._init.stdout.readline()
        if said != b"ready\n":
            rest = self._init.communicate()[0]
            raise OSError(f"no namespaces for a made-up board: {(said + rest).decode().strip()}")
        [self._first] = psutil.Process(self._init.pid).children()

    def start(self, *command: str | Path, **options) -> subprocess.Popen:
        """A process on the board, which options (of Popen) describe further."""
        entering = ["nsenter", "--target", str(self._first.pid), *_ENTER, "--", *map(str, command)]
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin"}
        environment.update(options.pop("env", {}))
        self._started.append(subprocess.Popen(entering, env=environment, **options))
        return self._started[-1]

    def keep_from_writing(self, folder: Path) -> None:
        """Have what the board's processes write below a folder of this machine go nowhere."""
        self._kept += 1
        scratch = str(self.root / "scratch" / str(self._kept))
        options = "userxattr" if os.geteuid() else "volatile"
        names = {"FOLDER": str(folder), "SCRATCH": scratch, "OPTIONS": options}
        if self.start("sh", "-c", _OVERLAY, env=names).wait() != 0:
            raise OSError(f"no overlay over {folder} on a made-up board")

    def close(self) -> None:
        """End every process of the board; its mounts go with them."""
        with suppress(psutil.NoSuchProcess):
            self._first.kill()
        for process in (*self._started, self._init):
            process.send_signal(signal.SIGCONT)  # nsenter stops when what it started does
            process.wait()
            for pipe in filter(None, (process.stdin, process.stdout)):
                pipe.close()

    def _add_group(self) -> None:
        """The group jtop, without which its service does not start; in a user namespace only group 0 is known."""
        group = self.root / "etc/group"
        group.parent.mkdir(exist_ok=True)
        shutil.copy("/etc/group", group)
        with group.open("a") as file:
            file.write(f"jtop:x:{990 if os.geteuid() == 0 else 0}:\n")
