"""What jtop knows, as lines of JSON: `PYTHON jtop_reader.py --interval 0.5`, with a PYTHON that has jetson-stats.

A program of its own, which the agent starts and never imports: jtop changes how its whole process starts others,
must be of its service's version and so lives in another Python (3.6 on a Jetson Nano), may hang, and is under the
AGPL. So this file uses the standard library and jtop, nothing of this project, and syntax that Python 3.6 knows.

    {"kind": "hello", "interval_s": 0.5, "jtop": "7.2.2", "python": "3.10.12", "board": {...}}   connected
    {"kind": "tick", "at_s": 81.25, "total": {"VDD_IN": 4500}, "rails": {...}, ...}  one a tick of the service
    {"kind": "error", "error": "not_active", "message": "..."}                                  the last line

error: no_module | not_active | no_permission | version_mismatch | lost | frozen | other. Powers are in mW, clocks in
kHz, memory in kB, as jtop gives them; null is no reading. jtop's own `avg` is no mean over any time and is left out.
It ends when its stdin does. Works with jetson-stats 4.2 to 7.2.
"""

import argparse
import json
import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Optional

SILENCE_S, SILENT_INTERVALS = 5.0, 5  # without a new tick for so long, whichever is longer, the service is frozen
POLL_S = 0.1
NO_TEMPERATURE = -256.0  # what jtop says of a zone that is switched off
# jtop raises one class for everything: its text tells what happened.
ERRORS = (
    ("is not active", "not_active"),
    ("can't access", "no_permission"),
    ("Mismatch", "version_mismatch"),
    ("Lost connection", "lost"),
    ("Error connection", "lost"),
)


OUT = os.dup(1)  # what jtop may print itself goes to stderr


def say(kind: str, **facts: Any) -> None:
    """Write one line, in one piece, since two threads write."""
    os.write(OUT, (json.dumps(dict(kind=kind, **facts)) + "\n").encode())


def fail(error: str, message: str) -> None:
    """Say why it ends, and end at once: leaving jtop in order can hang when its service does."""
    say("error", error=error, message=message)
    os._exit(1)


def end_with_stdin() -> None:
    """End when whoever started this is gone, whatever jtop is waiting for."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def error_of(error: Exception) -> str:
    """The kind of one of jtop's errors, or of those it lets through while its service ends."""
    if isinstance(error, (ConnectionError, EOFError)):
        return "lost"
    for words, kind in ERRORS:
        if words in str(error):
            return kind
    return "other"


class Ticks:
    """Says each tick of the service once, with its instant; jtop calls it in a thread of its own.

    The service notes the time since boot when it begins to read the board and hands everything over at the end, so
    the instant is the middle of that; it lasts as long as the fastest arrival so far, since another client can make
    a tick arrive late. A client that waits too long is given the old tick again, and a new one whatever a former
    client left: the first, and any with the start of the one before, is not said.
    """

    def __init__(self) -> None:
        self.last_uptime_s = None  # type: Optional[float]
        self.lasts_s = float("inf")
        self.heard_s = time.monotonic()

    def __call__(self, board: Any) -> None:
        """Say what the board's service has sent."""
        arrival_s, uptime_s = time.monotonic(), board.uptime.total_seconds()
        before, self.last_uptime_s = self.last_uptime_s, uptime_s
        if before is None or uptime_s == before:
            return
        self.heard_s = arrival_s
        age_s = time_since_boot() - uptime_s
        if not 0 <= age_s <= SILENCE_S:  # a container may count from a boot of its own
            age_s = 0.0
        self.lasts_s = min(self.lasts_s, age_s)
        say("tick", at_s=arrival_s - age_s + self.lasts_s / 2, **observed(board))


def time_since_boot() -> float:
    """Seconds, from the file that jtop reads."""
    return float(Path("/proc/uptime").read_text().split()[0])


def observed(board: Any) -> Dict[str, Any]:
    """One tick, each quantity by its role."""
    power, ram = board.power, board.memory.get("RAM", {})
    return {
        "total": total_of(power),
        "rails": {name: rail["power"] for name, rail in power.get("rail", {}).items()},
        "temperatures": {name: temperature_of(zone) for name, zone in board.temperature.items()},
        "gpus": {name: gpu_of(gpu) for name, gpu in board.gpu.items()},
        "memory": {
            "used": ram.get("used"),
            "shared": ram.get("shared"),
            "swap": board.memory.get("SWAP", {}).get("used"),
        },
        "fans": {name: fan["speed"][0] for name, fan in board.fan.items() if fan.get("speed")},
        "nvpmodel": None if board.nvpmodel is None else board.nvpmodel.name,
        "jetson_clocks": None if board.jetson_clocks is None else bool(board.jetson_clocks),
    }


def total_of(power: Dict[str, Any]) -> Dict[str, Any]:
    """The one rail that jtop takes for the total, by its name; a total without one is a sum of rails and not said."""
    total = power.get("tot", {})
    return {total["name"]: total["power"]} if total.get("name") else {}


def temperature_of(zone: Dict[str, Any]) -> Optional[float]:
    """Degrees Celsius, None of a zone that is switched off."""
    value = zone.get("temp")
    return value if zone.get("online", True) and value != NO_TEMPERATURE else None


def gpu_of(gpu: Dict[str, Any]) -> Dict[str, Any]:
    """How busy it is, in percent, and its clock."""
    return {"load": gpu.get("status", {}).get("load"), "clock": gpu.get("freq", {}).get("cur")}


def follow(board: Any, version: str) -> None:
    """Connect, say hello, and stay until the service gives out."""
    ticks = Ticks()
    board.attach(ticks)
    board.start()
    hardware = board.board.get("hardware", {})
    facts = {name: hardware.get(name, "") for name in ("Model", "Module", "L4T", "Jetpack")}
    say("hello", interval_s=board.interval, jtop=version, python=platform.python_version(), board=facts)
    ticks.heard_s = time.monotonic()
    longest_s = max(SILENCE_S, SILENT_INTERVALS * board.interval)
    while board.ok(spin=True):  # it raises what went wrong in jtop's thread
        silent_s = time.monotonic() - ticks.heard_s
        if silent_s > longest_s:
            fail("frozen", f"no tick for {silent_s:.1f} s")
        time.sleep(POLL_S)
    fail("lost", "jtop ended without an error")


def main() -> None:
    """Read until jtop or stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--interval", type=float, default=0.5)
    arguments = parser.parse_args()
    os.dup2(2, 1)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    del sys.path[0]  # this file's folder: nothing there may be taken for one of jtop's modules
    try:
        import jtop  # noqa: PLC0415
    except ImportError as error:
        fail("no_module", f"{sys.executable} has no jtop: {error}")
    try:
        follow(jtop.jtop(interval=arguments.interval), jtop.__version__)
    except Exception as error:  # noqa: BLE001 - whatever it is, the sensor tells it
        fail(error_of(error), str(error) or repr(error))


if __name__ == "__main__":
    main()
