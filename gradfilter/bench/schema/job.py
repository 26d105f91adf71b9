"""What is asked for: a workload, its variants and a board; and what a board is told: one run of it."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Union

try:
    from typing import Literal
except ImportError:  # Python < 3.8: torch 1.10 brings typing_extensions along
    from typing_extensions import Literal

from gradfilter.bench.schema.checks import (
    REFUSE_UNKNOWN_KEYS,
    check_choice,
    check_length,
    check_range,
    check_trainable,
    check_unique,
    check_word,
)
from gradfilter.bench.schema.design import Gate, Steady, VoidIf, Window
from gradfilter.bench.schema.workload import Workload

# What a job is judged by unless it says otherwise: time, energy and memory.
PRIMARY_METRICS = ("step_time", "energy_per_step", "peak_rss_bytes")
# The numbers of blocks at which a job with until looks whether it has measured enough.
LOOKS = (8, 12, 16, 24)


@dataclass
class MethodSpec:
    """A way to change training, by name, with its options."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    name: str
    options: Dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_word("methods.name", self.name)
        check_length("methods.options", self.options, 0, 64)


@dataclass
class Variant:
    """A named list of methods, applied in order. The baseline's list is empty."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    name: str
    methods: List[MethodSpec] = field(default_factory=list)
    trainable: Optional[Union[str, List[str]]] = None

    def __post_init__(self) -> None:
        check_word("variants.name", self.name)
        check_length("variants.methods", self.methods, 0, 16)
        if self.trainable is not None:
            check_trainable("variants.trainable", self.trainable)


@dataclass
class Limits:
    """When to give up, and how long to rest before each run."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    run_s: float = 600.0
    settle_s: float = 10.0

    def __post_init__(self) -> None:
        check_range("limits.run_s", self.run_s, 1, 86400)
        check_range("limits.settle_s", self.settle_s, 0, 3600)


@dataclass
class Sampling:
    """How often the sensors are read; the period is jittered by ±50 % against aliasing."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    period_s: float = 0.1

    def __post_init__(self) -> None:
        check_range("sampling.period_s", self.period_s, 0.01, 60)


@dataclass
class DeviceSelector:
    """The board by name, or the boards that carry all the tags.

    tags: each a tag, `!tag` for boards without it, or alternatives as `nano|!slow`. scope: any one of these boards, or
    all, each with a job of its own.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    name: Optional[str] = None
    tags: List[str] = field(default_factory=list)
    scope: Literal["any", "all"] = "any"

    def __post_init__(self) -> None:
        check_length("device.tags", self.tags, 0, 32)
        for tag in self.tags:
            for alternative in tag.split("|"):
                check_word("device.tags", alternative[1:] if alternative.startswith("!") else alternative)
        check_choice("device.scope", self.scope, ["any", "all"])
        if (self.name is None) == (not self.tags):
            raise ValueError("device needs either a name or a list of tags, not both and not neither.")


@dataclass
class Needs:
    """What the board must have besides what the workload names: so much memory, a meter for the energy of a step."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    memory_bytes: int = 0
    energy: bool = False

    def __post_init__(self) -> None:
        check_range("needs.memory_bytes", self.memory_bytes, 0, 2**50)


@dataclass
class Deadlines:
    """When to give a job up: so long after it was submitted if no board has begun it, so long after its beginning."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    start_s: Optional[float] = None
    end_s: Optional[float] = None

    def __post_init__(self) -> None:
        for name in ("start_s", "end_s"):
            if getattr(self, name) is not None:
                check_range("deadlines." + name, getattr(self, name), 1, 31536000)


@dataclass
class PublishedFigure:
    """A figure of a publication to stand beside the measured one: paper-reported, never compared by a test.

    metric: a metric's name as results have it. variant, part: of the job's own. against: what the figure is: the value
    itself, or the variant set against the baseline as the metric is. approximate: read off a chart.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    variant: str
    metric: str
    value: float
    measured_on: str
    source: str
    part: str = ""
    against: Literal["value", "baseline"] = "value"
    approximate: bool = False

    def __post_init__(self) -> None:
        check_choice("published.against", self.against, ["value", "baseline"])
        for name in ("variant", "metric", "measured_on", "source"):
            check_length("published." + name, getattr(self, name), 1, 300)


@dataclass
class JobSpec:
    """What a user wants: one workload, its variants (the first is the baseline), repetitions, a board.

    suite: the named set of jobs that this one belongs to, '' for none. primary: the metrics that get a verdict,
    declared before anything is measured; all others are explored, with intervals and no test. Fewer need fewer blocks.
    purpose: "control" compares a variant with itself, which tells what the device's runs differ by of themselves.
    priority: jobs of a higher one go first. profile: after the measured runs each variant runs once more under
    torch.profiler, unmeasured, and leaves its trace, operators and memory as artefacts of the job.
    until: blocks are added until the interval of the first primary metric's ratio reaches no further than this share to
    either side; the job looks at so many blocks as LOOKS has, from repetitions on as far as they allow a verdict. Its
    intervals are wider for it, so that all looks together err no more often than one.
    void_if: causes for which a run is void. None: submitting declares the usual ones, for a quick job none; a job that
    was stored without them has no void runs. steady: warm-up until steps take the same time, None: none but the
    workload's own. gate: how warm the board must be when a run starts; None: as void_if is.
    window: how long a run is measured at least; None: the workload's steps.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    workload: Workload
    variants: List[Variant]
    device: DeviceSelector
    repetitions: int = 8
    seed: int = 0
    quick: bool = False
    limits: Limits = field(default_factory=Limits)
    sampling: Sampling = field(default_factory=Sampling)
    note: str = ""
    suite: str = ""
    published: List[PublishedFigure] = field(default_factory=list)
    primary: List[str] = field(default_factory=lambda: list(PRIMARY_METRICS))
    purpose: Literal["compare", "control"] = "compare"
    priority: int = 0
    needs: Needs = field(default_factory=Needs)
    deadlines: Deadlines = field(default_factory=Deadlines)
    profile: bool = False
    until: Optional[float] = None
    void_if: Optional[VoidIf] = None
    steady: Optional[Steady] = None
    gate: Optional[Gate] = None
    window: Optional[Window] = None

    def __post_init__(self) -> None:
        if self.profile and self.workload.kind != "training":
            raise ValueError("profile needs a workload of kind training, got %r." % self.workload.kind)
        check_range("priority", self.priority, -100, 100)
        check_length("variants", self.variants, 1, 64)
        check_unique("variants", [variant.name for variant in self.variants])
        check_range("repetitions", self.repetitions, 1, 1000)
        check_range("seed", self.seed, 0, 2**63 - 1)
        check_length("note", self.note, 0, 2000)
        check_length("suite", self.suite, 0, 100)
        check_length("published", self.published, 0, 1000)
        check_length("primary", self.primary, 1, 16)
        check_unique("primary", self.primary)
        check_choice("purpose", self.purpose, ["compare", "control"])
        if self.purpose == "control":
            self._check_control()
        if self.until is not None:
            self._check_until(self.until)
        names = [variant.name for variant in self.variants]
        for figure in self.published:
            check_choice("published.variant", figure.variant, names)

    def _check_until(self, until: float) -> None:
        check_range("until", until, 0.0001, 1)
        if self.quick or self.repetitions not in LOOKS:
            raise ValueError(
                "until needs repetitions of %s, the first number of blocks to look at, and no quick, got repetitions "
                "%d%s." % (" or ".join(map(str, LOOKS)), self.repetitions, " and quick" if self.quick else "")
            )

    def _check_control(self) -> None:
        first, others = self.variants[0], self.variants[1:]
        same = [(v.methods, v.trainable) == (first.methods, first.trainable) for v in others]
        if same != [True] or self.quick:
            raise ValueError(
                "purpose control needs two variants that differ in nothing but their names, and no quick, "
                "got variants %s%s." % (", ".join(v.name for v in self.variants), " and quick" if self.quick else "")
            )


RunPurpose = Literal["measure", "prepare", "profile"]


@dataclass
class RunSpec:
    """One execution, planned.

    A preparation checks all variants of a job and makes its starting checkpoint; a measured run
    has exactly one variant, and so has a profile, which leaves files and its layers' times. Blocks are counted from 1.
    rest_after_s: how long the board rests after it, its sensors read, for the idle power at the end of a job.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    run_id: str
    job_id: str
    workload: Workload
    variants: List[Variant]
    purpose: RunPurpose = "measure"
    block: int = 0
    attempt: int = 1
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    sampling: Sampling = field(default_factory=Sampling)
    steady: Optional[Steady] = None
    gate: Optional[Gate] = None
    window: Optional[Window] = None
    rest_after_s: float = 0.0

    def __post_init__(self) -> None:
        check_word("run_id", self.run_id)
        check_choice("purpose", self.purpose, ["measure", "prepare", "profile"])
        check_range("rest_after_s", self.rest_after_s, 0, 3600)
        if self.purpose != "prepare":
            check_length("variants", self.variants, 1, 1)

    @property
    def variant(self) -> Variant:
        """The variant of a measured run."""
        return self.variants[0]
