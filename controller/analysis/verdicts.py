"""The shape of a judged job: what every report format renders and the API returns."""

from dataclasses import dataclass, field
from typing import Literal

from controller.analysis.estimate import Estimate
from controller.analysis.judgement_plan import JudgementPlan
from controller.analysis.looks import Stopping
from controller.analysis.metrics import Kind
from controller.analysis.outliers import Label


@dataclass(frozen=True)
class Concern:
    """A reason to doubt a number: what was seen, and what to do about it."""

    code: str
    message: str
    advice: str
    variant: str = ""


@dataclass(frozen=True)
class MeterError:
    """How wrong a meter's value for one run may be, mean over runs, in the metric's unit.

    standard: the standard uncertainty, half of what stands after ±. components: the same by cause, as
    controller/analysis/uncertainty.py names them. undeclared: causes that the sensor is silent on, left out.
    """

    standard: float
    components: dict[str, float]
    undeclared: tuple[str, ...] = ()


VerdictWord = Literal["faster", "slower", "lower", "higher", "no detectable difference", "inconclusive"]
DIFFERENT: tuple[VerdictWord, ...] = ("faster", "slower", "lower", "higher")


@dataclass(frozen=True)
class Verdict:
    """What a test of a primary metric says of a variant against the baseline.

    word: faster | slower (times), lower | higher (the rest): p_holm is significant, and the effect is further from no
    difference than the threshold. "no detectable difference": the difference, or its whole interval, lies within the
    threshold. "inconclusive": a difference beyond it is neither shown nor excluded; reason says what would help.
    p: of the exact two-sided sign-flip test over pairs; p_holm: adjusted for all declared tests and for the looks that
    the job may make; both None where there was no test. threshold: the least relative difference that counts: 0.01, or
    the device's noise floor where that is larger. floor: that, None while it is unknown; floor_pairs: A/A pairs behind
    it. provisional: too few of them.
    """

    word: VerdictWord
    threshold: float
    p: float | None = None
    p_holm: float | None = None
    floor: float | None = None
    floor_pairs: int = 0
    provisional: bool = True
    reason: str = ""


@dataclass(frozen=True)
class MetricValue:
    """One metric of one variant and part: an estimate, or the reason why there is none.

    title: what a report calls it. ratio: to the baseline, from pairs within blocks. For times it is the
    speed-up (baseline divided by variant, > 1 is faster); for bytes and joules it is variant divided by
    baseline (< 1 is better); for scores and loss `difference` (variant minus baseline) is given instead.
    clear: the interval of the ratio excludes 1 (of the difference, 0); None where there is no interval to
    say so. verdict: of a primary metric of a job that is no quick one; None elsewhere. runs: the value of each run
    behind the estimate, in the order of blocks. pairs: block → its own ratio (or difference). outliers: block →
    how far its run lies from the others; it is kept. source: for energy, what
    was metered and by which channel ('package (rapl: package-0)'); covers: the first word of it, since absolute
    energies compare only where it is the same. meter_error: of a metered value; it is no part of the interval over
    runs. method: how a modelled value was made, or one that was measured outside of the measured runs.
    """

    metric: str
    title: str
    unit: str
    kind: Kind
    estimate: Estimate | None
    unmeasured: str = ""
    ratio: Estimate | None = None
    difference: Estimate | None = None
    clear: bool | None = None
    verdict: Verdict | None = None
    runs: tuple[float, ...] = ()
    pairs: dict[int, float] = field(default_factory=dict)
    outliers: dict[int, Label] = field(default_factory=dict)
    source: str = ""
    covers: str = ""
    meter_error: MeterError | None = None
    method: str = ""


@dataclass(frozen=True)
class PartResult:
    """The metrics of one part of a workload: '' for a whole training step, a shape for a layer."""

    part: str
    metrics: dict[str, MetricValue]


@dataclass(frozen=True)
class EpochResult:
    """What a variant's runs scored after an epoch: metric ('test_accuracy', 'test_loss', …) → mean over runs."""

    epoch: int
    metrics: dict[str, Estimate]


@dataclass(frozen=True)
class GradientResult:
    """How near a changed layer's weight gradient is to the exact one, on one batch of each run: means over runs.

    cosine: of the mean of the angles between them. snr_db: signal to error, dB; None beside a cosine: they were equal.
    reason: why there is no comparison, '' where there is one.
    """

    layer: str
    cosine: Estimate | None
    snr_db: Estimate | None
    reason: str = ""


@dataclass(frozen=True)
class StartScore:
    """What the starting weights score before the job trains them: one evaluation, in the preparation."""

    accuracy: float
    miou: float | None = None


@dataclass(frozen=True)
class PublishedResult:
    """A figure of a publication beside what this job measured; no agreement is judged.

    value: as published, in the metric's own unit; against: the value itself, or the variant set against the
    baseline as the metric is. measured: the same quantity in this job, or unmeasured says why there is none.
    whole_step: of a backward, what forward, backward and optimizer together gained, so that it never stands alone.
    """

    variant: str
    part: str
    metric: str
    title: str
    unit: str
    against: Literal["value", "baseline"]
    value: float
    approximate: bool
    measured_on: str
    source: str
    measured: Estimate | None
    unmeasured: str = ""
    whole_step: Estimate | None = None
    kind: Kind = "paper-reported"


@dataclass(frozen=True)
class VariantResult:
    """One variant, judged. runs_valid counts the finished runs, runs_failed those that failed of their own.

    runs_lost counts attempts without a complete record, runs_void those that a cause declared beforehand voided.
    failures: one sentence per failed, lost or void run.
    layers: what the methods changed, as the worker reported it. ways: change and backward pass → how many layers.
    epochs: empty where the job counts steps. saved_by_layer: bytes that a layer keeps for backward, where runs say so.
    time_by_layer: layer → 'forward' and 'backward', where the job was profiled; in no measured run. untimed: why it is
    empty, '' where it is not.
    """

    variant: str
    methods: str
    parts: list[PartResult]
    runs_valid: int
    runs_failed: int
    runs_lost: int
    runs_void: int = 0
    failures: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    epochs: list[EpochResult] = field(default_factory=list)
    gradients: list[GradientResult] = field(default_factory=list)
    ways: dict[str, int] = field(default_factory=dict)
    saved_by_layer: dict[str, Estimate] = field(default_factory=dict)
    time_by_layer: dict[str, dict[str, MetricValue]] = field(default_factory=dict)
    untimed: str = ""


@dataclass(frozen=True)
class PhaseSpan:
    """A phase of a run, in seconds from the run's beginning."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class PowerTrace:
    """Power over one run, thinned for a picture, in seconds from its beginning; source: of what, by which meter."""

    variant: str
    block: int
    source: str
    times_s: list[float]
    watts: list[float]
    phases: list[PhaseSpan]


@dataclass(frozen=True)
class BoardJob:
    """The job of one board of several. missing: what it still lacks, '' when nothing."""

    device: str
    job_id: str
    state: str
    missing: str


@dataclass(frozen=True)
class BoardValue:
    """A metric of a variant on one board."""

    device: str
    job_id: str
    value: MetricValue


@dataclass(frozen=True)
class EffectAcross:
    """A variant's metric on every board whose meter covers the same, and its effect over them.

    over_boards: ratio or difference, whose n counts boards, and nothing else; None of the baseline and of one board.
    """

    variant: str
    part: str
    boards: list[BoardValue]
    over_boards: MetricValue | None


@dataclass(frozen=True)
class AcrossDevices:
    """The same job on several boards: jobs in the order of their series, effects by part, metric, meter, variant."""

    jobs: list[BoardJob]
    effects: list[EffectAcross]


@dataclass(frozen=True)
class Comparison:
    """A whole job, judged: variants in the order of the job, the first is the baseline.

    headline: the verdict in one sentence. missing: what the job still lacks, '' when nothing.
    environment: what the compared runs have in common. workload, job: the spec as JSON values. start: what the
    starting weights score, None where no preparation said so. published: in the order of the job. judgement: what its
    tests can say. power: of one run of each variant, where it was metered. across: the same job on other boards, where
    it was asked for. stopping: of a job that adds blocks.
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
    start: StartScore | None = None
    published: list[PublishedResult] = field(default_factory=list)
    judgement: JudgementPlan | None = None
    power: list[PowerTrace] = field(default_factory=list)
    across: AcrossDevices | None = None
    stopping: Stopping | None = None
