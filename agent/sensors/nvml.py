"""NVIDIA's discrete GPUs through NVML, the library behind nvidia-smi. Untested on hardware.

Needs nvidia-ml-py, which the agent does without where it is not installed. Every metric of every GPU is probed
alone, since each is supported by some GPUs only: a Jetson before Thor lists its GPU and supports none of them.
The energy counter (mJ, Volta and later) goes before the power gauge (mW), which NVML averages over a second on many
GPUs from Ampere on and measures during a quarter of the time on some (arXiv 2312.02741); which holds for a GPU it
does not say, so averaging, pace and error are left open.
Source: NVIDIA NVML API reference guide, "Device queries".
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from agent.errors import SensorFailed
from agent.sensors.counters import EnergyCount
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import Channel

Probe = Callable[[], float]


class Nvml(Sensor):
    """Energy or power, temperature, clocks, load and memory of every GPU, as far as it supports them."""

    name = "nvml"
    quantities = ("energy", "power", "temperature", "frequency", "load", "memory")

    def __init__(self, library: ModuleType, probes: list[tuple[Channel, Probe]]) -> None:
        super().__init__([channel for channel, _ in probes])
        self._library = library
        self._probes = [probe for _, probe in probes]
        self._counts = {
            number: EnergyCount() for number, channel in enumerate(self.channels) if channel.kind == "counter"
        }

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present where the driver's library is, and a GPU supports at least one metric."""
        if surroundings.root != Path("/"):
            return Absent("a copy of a board's files has no driver to ask.")
        try:
            library = import_module("pynvml")
        except ImportError:
            return Absent("nvidia-ml-py is not installed; for NVIDIA's discrete GPUs, pip install nvidia-ml-py.")
        try:
            library.nvmlInit()
        except library.NVMLError as error:
            return Absent(f"no NVIDIA driver answers: {error}. Where there is a GPU, install its driver.")
        try:
            gpus = range(library.nvmlDeviceGetCount())
            probes = [probe for gpu in gpus for probe in _supported(library, gpu)]
        except library.NVMLError as error:
            library.nvmlShutdown()
            return Absent(f"the NVIDIA driver does not list its GPUs: {error}. See what nvidia-smi says.")
        if not probes:
            library.nvmlShutdown()
            return Absent(
                f"NVML lists {len(gpus)} GPUs and supports no metric of them, as on Jetsons, whose power monitors "
                f"the sensors ina and jtop read."
            )
        return cls(library, probes)

    def read(self) -> list[float | None]:
        """One value a metric; one that the driver refuses this time has none.

        Raises:
            SensorFailed: the driver refuses them all.
        """
        values: list[float | None] = []
        refused = None
        for number, probe in enumerate(self._probes):
            try:
                values.append(self._since_first(number, probe()))
            except self._library.NVMLError as error:  # noqa: PERF203 - each metric fails alone
                values.append(None)
                refused = error
        if refused is not None and all(value is None for value in values):
            raise SensorFailed(f"the NVIDIA driver refuses every metric: {refused}. See what nvidia-smi and dmesg say.")
        return values

    def close(self) -> None:
        """Let go of the driver."""
        self._library.nvmlShutdown()

    def _since_first(self, number: int, value: float) -> float | None:
        """A counter's growth, None from a reset on; a gauge as it is."""
        count = self._counts.get(number)
        if count is None:
            return value
        grown = count.since_first(value)
        self.remarks = [f"{self.channels[n].name}: {one.lost}" for n, one in self._counts.items() if one.lost]
        return grown


def _supported(library: Any, gpu: int) -> list[tuple[Channel, Probe]]:
    """The metrics that this GPU supports, with their channels."""
    handle = library.nvmlDeviceGetHandleByIndex(gpu)
    found = []
    for channel, probe in _metrics(library, gpu, handle):
        try:
            probe()
        except library.NVMLError:
            continue
        found.append((channel, probe))
    return found


def _metrics(library: Any, gpu: int, handle: Any) -> list[tuple[Channel, Probe]]:
    def channel(name: str, quantity: str, unit: str, resolution: float | None = None, **more: Any) -> Channel:
        return Channel(f"gpu{gpu} {name}", Nvml.name, quantity, unit, covers="gpu", resolution=resolution, **more)

    def clock(kind: int) -> Probe:
        return lambda: library.nvmlDeviceGetClockInfo(handle, kind) * 1e6

    return [
        (
            channel("energy", "energy", "J", 1e-3, kind="counter"),
            lambda: library.nvmlDeviceGetTotalEnergyConsumption(handle) * 1e-3,
        ),
        (channel("power", "power", "W", 1e-3), lambda: library.nvmlDeviceGetPowerUsage(handle) * 1e-3),
        (
            channel("temperature", "temperature", "degC", 1.0),
            lambda: float(library.nvmlDeviceGetTemperature(handle, library.NVML_TEMPERATURE_GPU)),
        ),
        (channel("clock", "frequency", "Hz", 1e6), clock(library.NVML_CLOCK_SM)),
        (channel("memory clock", "frequency", "Hz", 1e6), clock(library.NVML_CLOCK_MEM)),
        (channel("load", "load", "ratio", 0.01), lambda: library.nvmlDeviceGetUtilizationRates(handle).gpu / 100),
        (channel("memory", "memory", "B"), lambda: float(library.nvmlDeviceGetMemoryInfo(handle).used)),
    ]
