"""The wire types: what a user asks for, what a board is told, what it observed.

Standard-library dataclasses, so that the worker reads them without any library and FastAPI takes
them as they are. Fields are only ever added, with defaults. The unit of every quantity is in its
name or, for a sensor, in its channel. All instants are seconds of the board's monotonic clock.

    JobSpec -> RunSpec -> RunRecord
"""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Union

try:
    from typing import Annotated, Literal
except ImportError:  # Python < 3.9: torch 1.10 brings typing_extensions along
    from typing_extensions import Annotated, Literal

from gradfilter.bench.checks import (
    check_choice,
    check_length,
    check_positive,
    check_range,
    check_trainable,
    check_unique,
    check_word,
)
from gradfilter.bench.tagged import TaggedUnion

SCHEMA_VERSION = 1

_REFUSE_UNKNOWN_KEYS = {"extra": "forbid"}


# --------------------------------------------------------------------------- what is trained


@dataclass
class Optimizer:
    """SGD and its schedule over the measured steps; clip_norm is the L2 norm of all gradients."""

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    name: Literal["sgd"] = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] = "cosine"
    clip_norm: Optional[float] = None

    def __post_init__(self) -> None:
        check_choice("optimizer.name", self.name, ["sgd"])
        check_choice("optimizer.schedule", self.schedule, ["constant", "cosine"])
        check_range("optimizer.learning_rate", self.learning_rate, 0, 1e3)
        check_range("optimizer.momentum", self.momentum, 0, 1)
        check_range("optimizer.weight_decay", self.weight_decay, 0, 1e3)
        if self.clip_norm is not None:
            check_positive("optimizer.clip_norm", self.clip_norm)


@dataclass
class Pretraining:
    """Train the starting checkpoint on the first part of the data; the board caches it by content.

    The data are split in two non-iid parts (sorted by label, cut into shards, shards dealt out
    from the seed). The job itself then trains on the second part and is evaluated on a held-out
    piece of it.
    """

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    steps: int = 120
    batch_size: int = 32
    learning_rate: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        check_range("pretraining.steps", self.steps, 1, 1000000)
        check_range("pretraining.batch_size", self.batch_size, 1, 4096)
        check_range("pretraining.learning_rate", self.learning_rate, 0, 1e3)
        check_range("pretraining.seed", self.seed, 0, 2**63 - 1)


@dataclass
class TrainingWorkload:
    """Train a model on a data set and measure each step's forward, backward and optimizer.

    trainable: "all" | "last:k" | "head" | "bias" | a list of module names. last:k is the last k
    Conv2d in registration order and the head. threads: None leaves torch's own choice.
    """

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    kind: Literal["training"]
    model: str
    dataset: str = "digits"
    batch_size: int = 16
    image_size: int = 128
    trainable: Union[str, List[str]] = "all"
    warm_up_steps: int = 5
    measured_steps: int = 30
    compute: Literal["cpu", "cuda"] = "cpu"
    threads: Optional[int] = None
    dtype: Literal["float32"] = "float32"
    memory_format: Literal["channels_last", "contiguous"] = "channels_last"
    batch_norm: Literal["eval", "train"] = "eval"
    optimizer: Optimizer = field(default_factory=Optimizer)
    pretraining: Optional[Pretraining] = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_word("model", self.model)
        check_word("dataset", self.dataset)
        check_range("batch_size", self.batch_size, 1, 4096)
        check_range("image_size", self.image_size, 1, 4096)
        check_trainable("trainable", self.trainable)
        check_range("warm_up_steps", self.warm_up_steps, 0, 1000000)
        check_range("measured_steps", self.measured_steps, 1, 1000000)
        check_choice("compute", self.compute, ["cpu", "cuda"])
        check_choice("dtype", self.dtype, ["float32"])
        check_choice("memory_format", self.memory_format, ["channels_last", "contiguous"])
        check_choice("batch_norm", self.batch_norm, ["eval", "train"])
        if self.threads is not None:
            check_range("threads", self.threads, 1, 1024)
        check_range("seed", self.seed, 0, 2**63 - 1)


@dataclass
class ConvShape:
    """One Conv2d with zero padding and the batch and map size it is timed on."""

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    batch_size: int
    in_channels: int
    out_channels: int
    height: int
    width: int
    kernel_size: int = 3
    stride: int = 1
    padding: int = 1
    groups: int = 1

    def __post_init__(self) -> None:
        for name in ("batch_size", "in_channels", "out_channels", "height", "width", "groups"):
            check_range("shapes." + name, getattr(self, name), 1, 65536)
        check_range("shapes.kernel_size", self.kernel_size, 1, 64)
        check_range("shapes.stride", self.stride, 1, 64)
        check_range("shapes.padding", self.padding, 0, 64)
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(
                    "shapes.groups must divide shapes.%s, got groups %d and %s %d."
                    % (name, self.groups, name, getattr(self, name))
                )
        for name in ("height", "width"):
            if getattr(self, name) + 2 * self.padding < self.kernel_size:
                raise ValueError(
                    "shapes.%s %d with padding %d is smaller than shapes.kernel_size %d."
                    % (name, getattr(self, name), self.padding, self.kernel_size)
                )

    @property
    def label(self) -> str:
        """The shape as a table row names it, for example '512→512 3×3 14×14 batch 32'."""
        text = "%d→%d %d×%d %d×%d batch %d" % (
            self.in_channels,
            self.out_channels,
            self.kernel_size,
            self.kernel_size,
            self.height,
            self.width,
            self.batch_size,
        )
        if self.stride != 1:
            text += " stride %d" % self.stride
        if self.groups != 1:
            text += " groups %d" % self.groups
        return text


@dataclass
class ConvLayerWorkload:
    """Forward and backward of single convolutions: the published latency experiment.

    The convolution is alone in the graph; its input, weight and bias all get gradients.
    """

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    kind: Literal["conv_layer"]
    shapes: List[ConvShape]
    warm_up_steps: int = 2
    measured_steps: int = 10
    compute: Literal["cpu", "cuda"] = "cpu"
    threads: Optional[int] = None
    memory_format: Literal["channels_last", "contiguous"] = "contiguous"
    seed: int = 0

    def __post_init__(self) -> None:
        check_length("shapes", self.shapes, 1, 64)
        check_unique("shapes", [shape.label for shape in self.shapes])
        check_range("warm_up_steps", self.warm_up_steps, 0, 1000000)
        check_range("measured_steps", self.measured_steps, 1, 1000000)
        check_choice("compute", self.compute, ["cpu", "cuda"])
        check_choice("memory_format", self.memory_format, ["channels_last", "contiguous"])
        if self.threads is not None:
            check_range("threads", self.threads, 1, 1024)
        check_range("seed", self.seed, 0, 2**63 - 1)


Workload = Annotated[
    Union[TrainingWorkload, ConvLayerWorkload],
    TaggedUnion("kind", {"training": TrainingWorkload, "conv_layer": ConvLayerWorkload}),
]


@dataclass
class MethodSpec:
    """A way to change training, by name, with its options."""

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    name: str
    options: Dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_word("methods.name", self.name)
        check_length("methods.options", self.options, 0, 64)


@dataclass
class Variant:
    """A named list of methods, applied in order. The baseline's list is empty."""

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    name: str
    methods: List[MethodSpec] = field(default_factory=list)
    trainable: Optional[Union[str, List[str]]] = None

    def __post_init__(self) -> None:
        check_word("variants.name", self.name)
        check_length("variants.methods", self.methods, 0, 16)
        if self.trainable is not None:
            check_trainable("variants.trainable", self.trainable)


# --------------------------------------------------------------------------- what is asked for


@dataclass
class Limits:
    """When to give up, and how long to rest before each run."""

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    run_s: float = 600.0
    settle_s: float = 10.0

    def __post_init__(self) -> None:
        check_range("limits.run_s", self.run_s, 1, 86400)
        check_range("limits.settle_s", self.settle_s, 0, 3600)


@dataclass
class Sampling:
    """How often the sensors are read; the period is jittered by ±10 % against aliasing."""

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    period_s: float = 0.1

    def __post_init__(self) -> None:
        check_range("sampling.period_s", self.period_s, 0.01, 60)


@dataclass
class DeviceSelector:
    """The board by name, or any board that carries all the tags."""

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    name: Optional[str] = None
    tags: List[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_length("device.tags", self.tags, 0, 32)
        if (self.name is None) == (not self.tags):
            raise ValueError("device needs either a name or a list of tags, not both and not neither.")


@dataclass
class JobSpec:
    """What a user wants: one workload, its variants (the first is the baseline), repetitions, a board."""

    __pydantic_config__ = _REFUSE_UNKNOWN_KEYS

    workload: Workload
    variants: List[Variant]
    device: DeviceSelector
    repetitions: int = 8
    seed: int = 0
    quick: bool = False
    limits: Limits = field(default_factory=Limits)
    sampling: Sampling = field(default_factory=Sampling)
    note: str = ""

    def __post_init__(self) -> None:
        check_length("variants", self.variants, 1, 64)
        check_unique("variants", [variant.name for variant in self.variants])
        check_range("repetitions", self.repetitions, 1, 1000)
        check_range("seed", self.seed, 0, 2**63 - 1)
        check_length("note", self.note, 0, 2000)


# --------------------------------------------------------------------------- what a board is told


@dataclass
class RunSpec:
    """One execution, planned.

    A preparation checks all variants of a job and makes its starting checkpoint; a measured run
    has exactly one variant. Blocks are counted from 1.
    """

    run_id: str
    job_id: str
    workload: Workload
    variants: List[Variant]
    purpose: Literal["measure", "prepare"] = "measure"
    block: int = 0
    attempt: int = 1
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        check_word("run_id", self.run_id)
        check_choice("purpose", self.purpose, ["measure", "prepare"])
        if self.purpose == "measure":
            check_length("variants", self.variants, 1, 1)

    @property
    def variant(self) -> Variant:
        """The variant of a measured run."""
        return self.variants[0]


# --------------------------------------------------------------------------- what was observed


@dataclass
class Phase:
    """A named stretch of a run: settle, setup, warm_up, measured, evaluation."""

    name: str
    start_s: float
    end_s: float


@dataclass
class Step:
    """One measured or warm-up step. part names the shape in a conv_layer workload, else it is ''.

    The accelerator is synchronized at every mark. optimizer_s includes clipping and zero_grad.
    """

    index: int
    phase: Literal["warm_up", "measured"]
    start_s: float
    forward_s: float
    backward_s: float
    optimizer_s: float = 0.0
    data_s: float = 0.0
    loss: Optional[float] = None
    part: str = ""


@dataclass
class Channel:
    """One quantity of one sensor. A gauge is instantaneous, a counter cumulative.

    quantity: power | energy | temperature | frequency | memory | load | voltage | current.
    unit: W | J | degC | Hz | B | ratio | V | A. covers: what an energy or power channel includes:
    board_input | module | package | cpu | gpu | rail | process | wall | system; "" elsewhere.
    """

    name: str
    sensor: str
    quantity: str
    unit: str
    kind: Literal["gauge", "counter"] = "gauge"
    covers: str = ""


@dataclass
class Series:
    """Readings of one channel; a reading's instant is the middle of the read. None: no reading."""

    channel: Channel
    times_s: List[float] = field(default_factory=list)
    values: List[Optional[float]] = field(default_factory=list)


@dataclass
class SensorReport:
    """What became of a sensor: present with its channels, or not, and why; advice says what to do."""

    name: str
    present: bool
    channels: List[Channel] = field(default_factory=list)
    reason: str = ""


@dataclass
class SamplerReport:
    """What the sampling itself cost and how evenly it ran."""

    period_s: float
    readings: int
    cpu_s: float
    worst_gap_s: float
    dropped: List[str] = field(default_factory=list)


@dataclass
class MethodedLayer:
    """A layer that a method changed, and how ('gradient_filter patch_size=4')."""

    name: str
    change: str


@dataclass
class Outcome:
    """What the worker reports at the end, each None where it does not apply.

    saved_activation_bytes: bytes held for backward in one step, counted by storage, parameters
    excluded, in a separate unmeasured step; per part. peak_rss_bytes: the worker's high-water mark
    over warm-up and measured steps (VmHWM, reset before).
    """

    saved_activation_bytes: Dict[str, int] = field(default_factory=dict)
    peak_rss_bytes: Optional[int] = None
    peak_device_bytes: Optional[int] = None
    test_accuracy: Optional[float] = None
    test_loss: Optional[float] = None
    start_accuracy: Optional[float] = None
    trained_parameters: Optional[int] = None
    layers: List[MethodedLayer] = field(default_factory=list)


@dataclass
class Failure:
    """Why a run has no complete result, in words a user can act on.

    kind: refused | exception | out_of_memory | non_finite_loss | time_limit | killed | lost | cancelled.
    field: the part of the spec at fault, for kind refused.
    """

    kind: str
    message: str
    field: str = ""
    traceback: str = ""


@dataclass
class RunRecord:
    """One execution, observed: raw data only; every number in a report is computed from it later."""

    spec: RunSpec
    state: Literal["finished", "failed", "cancelled", "lost"]
    phases: List[Phase] = field(default_factory=list)
    steps: List[Step] = field(default_factory=list)
    series: List[Series] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    environment: Dict[str, Any] = field(default_factory=dict)
    sensors: List[SensorReport] = field(default_factory=list)
    sampler: Optional[SamplerReport] = None
    failure: Optional[Failure] = None
    log_tail: str = ""
    started_at: str = ""
    schema_version: int = SCHEMA_VERSION


@dataclass
class RunStatus:
    """Where a run is now; record is there once the run has ended.

    state: accepted | settling | running | finished | failed | cancelled | lost.
    """

    run_id: str
    state: str
    phase: str = ""
    done: int = 0
    total: int = 0
    record: Optional[RunRecord] = None


# --------------------------------------------------------------------------- what a board is


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
class WorkerDescription:
    """What the worker's Python can do: `python -m gradfilter.bench.worker describe`."""

    python_version: str
    torch_version: str
    methods: List[MethodDescription] = field(default_factory=list)
    models: List[str] = field(default_factory=list)
    datasets: List[str] = field(default_factory=list)
    workloads: List[str] = field(default_factory=list)
    compute: List[str] = field(default_factory=list)
    versions: Dict[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


@dataclass
class DeviceDescription:
    """A board as its agent describes it."""

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
