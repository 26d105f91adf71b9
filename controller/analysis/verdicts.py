"""The shape of a judged job: what every report format renders and the API returns."""

from dataclasses import dataclass, field
from typing import Literal

from controller.analysis.estimate import Estimate

Kind = Literal["measured", "modelled", "simulated", "paper-reported"]


@dataclass(frozen=True)
class Concern:
    """A reason to doubt a number: what was seen, and what to do about it."""

    code: str
    message: str
    advice: str
    variant: str = ""


@dataclass(frozen=True)
class MetricValue:
    """One metric of one variant and part: an estimate, or the reason why there is none.

    ratio: to the baseline, from pairs within blocks. For times it is the speed-up (baseline divided by
    variant, > 1 is faster); for bytes and joules it is variant divided by baseline (< 1 is better);
    for accuracy and loss `difference` (variant minus baseline) is given instead. clear: the interval
    of the ratio excludes 1 (of the difference, 0); None where there is no interval to say so. runs: the
    value of each run behind the estimate, in the order of blocks. source: for energy, what was metered
    and by which channel ('package (rapl: package-0)').
    """

    metric: str
    unit: str
    kind: Kind
    estimate: Estimate | None
    unmeasured: str = ""
    ratio: Estimate | None = None
    difference: Estimate | None = None
    clear: bool | None = None
    runs: tuple[float, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class PartResult:
    """The metrics of one part of a workload: '' for a whole training step, a shape for a layer."""

    part: str
    metrics: dict[str, MetricValue]


@dataclass(frozen=True)
class VariantResult:
    """One variant, judged. runs_valid counts the finished runs, runs_failed those that failed of their own.

    runs_lost counts attempts without a complete record. failures: one sentence per failed or lost run.
    layers: what the methods changed, as the worker reported it.
    """

    variant: str
    methods: str
    parts: list[PartResult]
    runs_valid: int
    runs_failed: int
    runs_lost: int
    failures: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """A whole job, judged: variants in the order of the job, the first is the baseline.

    headline: the verdict in one sentence. missing: what the job still lacks, '' when nothing.
    environment: what the compared runs have in common. workload, job: the spec as JSON values.
    """

    job_id: str
    device: str
    title: str
    baseline: str
    quick: bool
    headline: str
    state: str
    missing: str
    blocks_complete: int
    blocks_wanted: int
    confidence: float
    variants: list[VariantResult]
    concerns: list[Concern]
    environment: dict[str, str]
    workload: dict[str, object]
    job: dict[str, object] = field(default_factory=dict)
