"""A made-up Jetson whose state can be set for benchmarks: power mode, clocks, fan, governor and swap.

The programs that change it are small ones, with the interface that the board's have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.boards.jetson import JetsonFiles

_PROGRAMS = {
    "jetson_clocks": """case "$1" in
        --store) cp {root}/clocks "$2" ;;
        --restore) cp "$2" {root}/clocks ;;
        "") echo most > {root}/clocks ;;
    esac""",
    # In place, since the file may be mounted elsewhere.
    "swapoff": 'first=$(head -1 {root}/proc/swaps); echo "$first" > {root}/proc/swaps',
    # jtop asks the real one what there is.
    "swapon": """case "$1" in
        --priority) echo "$3 partition 1024 0 $2" >> {root}/proc/swaps ;;
        *) exec /usr/sbin/swapon "$@" ;;
    esac""",
}
ALL = {"nvpmodel": 2, "governor": "performance", "jetson_clocks": True, "fan": 255, "swap": False}
IN_WORDS = "nvpmodel 2, governor performance, jetson_clocks on, fan 255, swap off"
BEFORE = ["0", "usual", "60", "schedutil", 1]
ASKED = ["2", "most", "255", "performance", 0]


class StatefulJetson(JetsonFiles):
    """The files below `root`, which programs see at `seen_at`, in the state BEFORE; ALL asks for the state ASKED."""

    def __init__(self, root: Path, seen_at: Path) -> None:
        super().__init__("jetson-orin-nano", root, seen_at)
        self.fan = root / "sys/class/hwmon/hwmon9/pwm1"
        self.fan.parent.mkdir(parents=True)
        self.fan.write_text("60\n")
        (root / "clocks").write_text("usual\n")
        self.swaps = root / "proc/swaps"
        self.swaps.parent.mkdir(exist_ok=True)
        self.swaps.write_text("Filename Type Size Used Priority\n/dev/zram0 partition 1024 0 5\n")
        for name, script in _PROGRAMS.items():
            program = root / "bin" / name
            program.write_text(f"#!/bin/sh\n{script.format(root=seen_at)}\n")
            program.chmod(0o755)

    def state(self) -> list[Any]:
        """Power mode, clocks, fan, governors and the number of swap spaces, as they are now."""
        files = [self.root / "nvpmodel", self.root / "clocks", self.fan]
        pattern = "sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        governors = {path.read_text().strip() for path in self.root.glob(pattern)}
        return [
            *(path.read_text().strip() for path in files),
            *governors,
            len(self.swaps.read_text().splitlines()) - 1,
        ]
