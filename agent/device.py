"""The board as the agent describes it, with the tags by which jobs choose boards."""

import platform
import re
from pathlib import Path

from agent import VERSION, board
from agent.described_worker import DescribedWorker
from gradfilter.bench.schema import DeviceDescription, SensorReport

# What device trees and firmwares call the boards we know, and their tags.
_FAMILIES = (
    (r"Jetson Nano", ("jetson", "jetson-nano")),
    (r"Jetson TX2", ("jetson", "jetson-tx2")),
    (r"Xavier NX", ("jetson", "jetson-xavier-nx")),
    (r"AGX Xavier", ("jetson", "jetson-agx-xavier")),
    (r"Orin Nano", ("jetson", "jetson-orin-nano")),
    (r"Orin NX", ("jetson", "jetson-orin-nx")),
    (r"AGX Orin", ("jetson", "jetson-agx-orin")),
    (r"Raspberry Pi 3", ("raspberry-pi", "raspberry-pi-3")),
    (r"Raspberry Pi 4", ("raspberry-pi", "raspberry-pi-4")),
    (r"Raspberry Pi 5", ("raspberry-pi", "raspberry-pi-5")),
)


def describe_board(root: Path, sensors: list[SensorReport]) -> DeviceDescription:
    """The board with its sensors; the worker's Python is not asked."""
    name = board.model(root)
    return DeviceDescription(
        hostname=board.hostname(),
        model=name,
        machine=platform.machine(),
        cpu=board.cpu(root),
        cores=board.cores(root),
        memory_bytes=board.memory_bytes(root),
        os=board.operating_system(root),
        kernel=platform.release(),
        agent_version=VERSION,
        boot_id=board.boot_id(root),
        tags=_tags(name, sensors),
        sensors=sensors,
        profile=board.profile(root),
    )


def describe_device(root: Path, sensors: list[SensorReport], worker: DescribedWorker) -> DeviceDescription:
    """The board and what its worker offers, or why it offers nothing."""
    description = describe_board(root, sensors)
    description.worker = worker.description
    description.worker_error = worker.error
    return description


def _tags(model: str, sensors: list[SensorReport]) -> list[str]:
    tags = [tag for name, of_family in _FAMILIES if re.search(rf"{name}\b", model) for tag in of_family]
    tags.append(platform.machine())
    channels = [channel for sensor in sensors for channel in sensor.channels]
    covers = {channel.covers for channel in channels if channel.quantity in ("power", "energy")}
    return tags + [f"power:{cover}" for cover in sorted(covers)]
