"""What a board is: hardware, sensors, and what its worker offers."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from gradfilter.bench.schema.record import SCHEMA_VERSION, SensorReport


@dataclass
class OptionDescription:
    """One option of a method: its name, type as written in Python, default and meaning."""

    name: str
    type: str
    default: Any = None
    help: str = ""


@dataclass
class MethodDescription:
    """A method the board's worker offers."""

    name: str
    source: str
    options: List[OptionDescription] = field(default_factory=list)


@dataclass
class ConvolutionCheck:
    """What convolutions, forward and backward, gave here beside plain loops (`gradfilter.bench.convolution_check`).

    largest_error: of answers that are whole numbers; None where there was none. error: what is wrong, else empty.
    """

    compute: str
    correct: bool
    largest_error: Optional[float] = None
    error: str = ""


@dataclass
class WorkerDescription:
    """What the worker's Python can do: `python -m gradfilter.bench.worker describe`.

    compute: what convolutions come out right on. convolutions: what was found out about each kind of compute.
    absent: what a job might name although it is not here, and why, in words that say what to do.
    model_modules: Python modules from which the board lets a job name a model.
    """

    python_version: str
    torch_version: str
    methods: List[MethodDescription] = field(default_factory=list)
    models: List[str] = field(default_factory=list)
    datasets: List[str] = field(default_factory=list)
    workloads: List[str] = field(default_factory=list)
    compute: List[str] = field(default_factory=list)
    versions: Dict[str, str] = field(default_factory=dict)
    absent: Dict[str, str] = field(default_factory=dict)
    model_modules: List[str] = field(default_factory=list)
    convolutions: List[ConvolutionCheck] = field(default_factory=list)
    schema_version: int = SCHEMA_VERSION


@dataclass
class DeviceDescription:
    """A board as its agent describes it. profile: what was set on it for benchmarks, in words."""

    hostname: str
    model: str
    machine: str
    cpu: str
    cores: int
    memory_bytes: int
    os: str
    kernel: str
    agent_version: str
    boot_id: str
    tags: List[str] = field(default_factory=list)
    sensors: List[SensorReport] = field(default_factory=list)
    worker: Optional[WorkerDescription] = None
    worker_error: str = ""
    schema_version: int = SCHEMA_VERSION
    profile: str = ""
