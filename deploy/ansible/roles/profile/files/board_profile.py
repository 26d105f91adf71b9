"""board_profile.py set|restore: the state of the board that a benchmark wants, and the one before it. Python >= 3.6.

`set` reads /etc/gradfilter/profile.json, for example {"nvpmodel": 0, "jetson_clocks": true, "governor": "performance",
"fan": 255, "swap": false}; what is left out is left alone. What was before is kept in $STATE_DIRECTORY, also over a
power cut, until `restore` has brought it back. What holds is said in $RUNTIME_DIRECTORY/applied, for the agent.
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple


class ProfileError(Exception):
    """What the profile asks cannot be had on this board."""


class Setting:
    """Something of the board that can be set, to a value of this kind. kept: the folder of this program's own files."""

    kind: type = str

    def __init__(self, root: Path, kept: Path) -> None:
        self._root = root
        self._kept = kept

    def state(self) -> Any:
        """What it is now, as restore takes it."""
        raise NotImplementedError

    def set(self, value: Any) -> None:
        """Bring it to this value; ProfileError when it does not get there."""
        raise NotImplementedError

    def restore(self, state: Any) -> None:
        """Bring it back to a state."""
        raise NotImplementedError


class Values(Setting):
    """One value in every file that a pattern names."""

    patterns: Tuple[str, ...] = ()

    def state(self) -> Dict[str, str]:
        """File → its content."""
        files = [path for pattern in self.patterns for path in sorted(self._root.glob(pattern))]
        if not files:
            raise ProfileError(f"this board has no {' nor '.join(self.patterns)}")
        return {str(path.relative_to(self._root)): path.read_text().strip() for path in files}

    def set(self, value: Any) -> None:
        """Write it into each."""
        self.restore(dict.fromkeys(self.state(), str(value)))

    def restore(self, state: Dict[str, str]) -> None:
        """Write each one's own."""
        for name, value in state.items():
            path = self._root / name
            path.write_text(f"{value}\n")
            if path.read_text().strip() != value:
                raise ProfileError(f"{path} stays at {path.read_text().strip()}, instead of {value}")


class Governor(Values):
    """The CPUs' frequency governor, by its name."""

    patterns = ("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor",)


class Fan(Values):
    """The fan's pulse width, 0 to 255. Whatever else controls it must be stopped by the board's owner."""

    kind = int
    patterns = ("sys/devices/pwm-fan/target_pwm", "sys/class/hwmon/hwmon*/pwm1")


class PowerMode(Setting):
    """NVIDIA's power mode, by its number."""

    kind = int

    def state(self) -> int:
        """The last word of what nvpmodel says."""
        return int(run("nvpmodel", "-q").split()[-1])

    def set(self, value: int) -> None:
        """Ask for it, and look."""
        run("nvpmodel", "-m", str(value))
        if self.state() != value:
            raise ProfileError(f"nvpmodel stays at mode {self.state()}, instead of {value}")

    def restore(self, state: int) -> None:
        """As it is set."""
        self.set(state)


class Clocks(Setting):
    """NVIDIA's jetson_clocks, every clock at its largest; only true can be asked."""

    kind = bool

    def state(self) -> str:
        """The name of a file in which the program has noted it."""
        run("jetson_clocks", "--store", str(self._kept / "jetson_clocks.conf"))
        return "jetson_clocks.conf"

    def set(self, value: bool) -> None:
        """Run it."""
        if not value:
            raise ProfileError("it can be true; to have it off, leave it out")
        run("jetson_clocks")

    def restore(self, state: str) -> None:
        """Have it read its notes."""
        run("jetson_clocks", "--restore", str(self._kept / state))
        (self._kept / state).unlink()


class Swap(Setting):
    """Swap space; only false can be asked."""

    kind = bool

    def state(self) -> Dict[str, int]:
        """What is swapped to, device or file → priority."""
        rows = [line.split() for line in (self._root / "proc/swaps").read_text().splitlines()[1:]]
        return {row[0]: int(row[4]) for row in rows}

    def set(self, value: bool) -> None:
        """Take all out of use."""
        if value:
            raise ProfileError("it can be false; to keep the board's, leave it out")
        run("swapoff", "--all")
        if self.state():
            raise ProfileError(f"still in use: {', '.join(self.state())}")

    def restore(self, state: Dict[str, int]) -> None:
        """Use again what is not in use. Priorities below 0 are the kernel's own choice, and cannot be asked."""
        for name, priority in state.items():
            if name not in self.state():
                run("swapon", *(["--priority", str(priority)] if priority >= 0 else []), name)


# In the order in which they are set: a power mode changes which CPUs there are, and jetson_clocks their clocks.
SETTINGS = {"nvpmodel": PowerMode, "governor": Governor, "jetson_clocks": Clocks, "fan": Fan, "swap": Swap}


class Profile:
    """The board's settings, and on its disk what was before each that was changed."""

    def __init__(self, root: Path, kept: Path) -> None:
        self._asked = root / "etc/gradfilter/profile.json"
        self._settings = {name: setting(root, kept) for name, setting in SETTINGS.items()}
        self._file = kept / "before.json"
        self._before = json.loads(self._file.read_text()) if self._file.exists() else {}

    def set(self) -> str:
        """Bring the board into the state that is asked; what that is, in words."""
        asked = _checked(json.loads(self._asked.read_text()))
        for name in filter(asked.__contains__, SETTINGS):
            with _named(name):
                if name not in self._before:  # after a power cut the board may still be as it was set
                    self._write({**self._before, name: self._settings[name].state()})
                self._settings[name].set(asked[name])
        return ", ".join(f"{name} {_in_words(asked[name])}" for name in SETTINGS if name in asked)

    def restore(self) -> None:
        """Bring back what was before, the last that was set first; what cannot be is named once the others are."""
        failed = [self._restore_one(name) for name in filter(self._before.__contains__, reversed(list(SETTINGS)))]
        if any(failed):
            raise ProfileError("; ".join(filter(None, failed)))

    def _restore_one(self, name: str) -> str:
        """What is wrong, '' where it is as before."""
        try:
            with _named(name):
                self._settings[name].restore(self._before[name])
        except ProfileError as error:
            return str(error)
        self._write({other: state for other, state in self._before.items() if other != name})
        return ""

    def _write(self, before: Dict[str, Any]) -> None:
        part = self._file.with_suffix(".part")
        with part.open("w") as file:
            json.dump(before, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file)
        self._before = before


def run(*command: str) -> str:
    """What a program of the board prints."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            check=False,
        )
    except OSError as error:
        raise ProfileError(f"there is no {command[0]} on this board") from error
    if done.returncode != 0:
        raise ProfileError(f"`{' '.join(command)}` failed: {done.stdout.strip()}")
    return done.stdout


def _checked(asked: Dict[str, Any]) -> Dict[str, Any]:
    """The same, if names and types fit."""
    for name, value in asked.items():
        if name not in SETTINGS:
            raise ProfileError(f"{name} is no setting; there are {', '.join(SETTINGS)}")
        kind = SETTINGS[name].kind
        if type(value) is not kind:
            raise ProfileError(f"{name} must be of type {kind.__name__}, got {value!r}")
    return asked


def _in_words(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Errors within say which setting they are about."""
    try:
        yield
    except (ProfileError, OSError) as error:
        raise ProfileError(f"{name}: {error}") from error


def main(command: str, root: str = "/") -> int:
    """Do what the command says; the exit status."""
    profile = Profile(Path(root), Path(os.environ["STATE_DIRECTORY"]))
    try:
        if command == "set":
            applied = profile.set()
            (Path(os.environ["RUNTIME_DIRECTORY"]) / "applied").write_text(f"{applied}\n")
        else:
            profile.restore()
    except ProfileError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
