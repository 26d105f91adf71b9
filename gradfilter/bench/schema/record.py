"""What was observed in one run: raw data only."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

try:
    from typing import Literal
except ImportError:  # Python < 3.8: torch 1.10 brings typing_extensions along
    from typing_extensions import Literal

from gradfilter.bench.schema.job import RunSpec
from gradfilter.bench.schema.systolic import SimulatedLayer

# Raised when fields are added to what refuses unknown keys (a workload, a run): an older side cannot read them.
# 2: a workload's weights, epochs and work, an optimizer's ramp_steps. 3: a run's steady, gate, window and rest_after_s.
SCHEMA_VERSION = 3


@dataclass
class Phase:
    """A named stretch of a run: settle, gate, setup, rehearsal, data, warm_up, measured, evaluation.

    pss_bytes: the worker's proportional share of memory just after its end, None where reading it would have
    disturbed steps.
    """

    name: str
    start_s: float
    end_s: float
    pss_bytes: Optional[int] = None


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

    quantity: power | energy | temperature | frequency | memory | load | fan (share of its full speed) | voltage |
    state | event_count. unit: W | J | degC | Hz | B | ratio | V | level (0: nothing is held back) | count. covers:
    what the channel is of, and so what an energy or power includes: board_input | module | package | cpu | gpu |
    rail | process | wall | system | rails (the sum of those it names, without the rest); "" elsewhere.

    What the sensor declares of itself, each None where it is not known, with its source in the sensor's file:
    resolution: one step of the reading, in the unit. gain_tolerance: relative error (ratio), offset_tolerance:
    absolute error, in the unit. averaging_s: a reading is the mean over so many seconds before its instant, 0.0:
    instantaneous. update_s: how often the sensor itself takes a new value, None: as often as it is read.
    role: total (a sum over what it covers, never added to its rails) | rail (a part of a total) | "".
    """

    name: str
    sensor: str
    quantity: str
    unit: str
    kind: Literal["gauge", "counter"] = "gauge"
    covers: str = ""
    resolution: Optional[float] = None
    gain_tolerance: Optional[float] = None
    offset_tolerance: Optional[float] = None
    averaging_s: Optional[float] = None
    update_s: Optional[float] = None
    role: str = ""


@dataclass
class Series:
    """Readings of one channel. None: no reading.

    A reading's instant is the middle of the read, or what a sensor that is sent its readings knows of it.
    """

    channel: Channel
    times_s: List[float] = field(default_factory=list)
    values: List[Optional[float]] = field(default_factory=list)


@dataclass
class SensorReport:
    """What became of a sensor: present with its channels, or not, and why.

    reason: why it is missing, or what it lacks where it is present, and what to do. note: what else to know of it,
    which is no reason to doubt it. quantities: what it measures wherever it is present, so that a report names only the
    sensors that could have answered; empty where that is not known.
    """

    name: str
    present: bool
    channels: List[Channel] = field(default_factory=list)
    reason: str = ""
    quantities: List[str] = field(default_factory=list)
    note: str = ""


@dataclass
class SensorSampling:
    """How evenly one sensor was read and what that cost, each None where there were too few readings to say.

    period_s: how often it was meant to be read. distinct_readings: by channel, how often the value differed from
    the one before. median_period_s, worst_gap_s: time between readings. jitter_s: median deviation from the
    median. median_read_s, worst_read_s: how long a reading took. cpu_s: CPU time of reading it, without that of
    processes it started.
    """

    name: str
    period_s: float
    readings: int = 0
    distinct_readings: Dict[str, int] = field(default_factory=dict)
    median_period_s: Optional[float] = None
    jitter_s: Optional[float] = None
    worst_gap_s: Optional[float] = None
    median_read_s: Optional[float] = None
    worst_read_s: Optional[float] = None
    cpu_s: float = 0.0


@dataclass
class SamplerReport:
    """What the sampling itself cost and how evenly it ran.

    readings: of all sensors together. cpu_s: of the sampler and the processes its sensors started. worst_gap_s:
    between two readings of a sensor that is read at the period; a sensor with a slower pace of its own has its
    gaps in sensors. dropped: a sentence for each sensor that was given up. remarks: sentences on what else happened
    to a sensor: it had to be started anew, or the board's power mode changed.
    """

    period_s: float
    readings: int
    cpu_s: float
    worst_gap_s: float
    dropped: List[str] = field(default_factory=list)
    sensors: List[SensorSampling] = field(default_factory=list)
    remarks: List[str] = field(default_factory=list)


@dataclass
class MethodedLayer:
    """A layer that a method changed, and how ('gradient_filter patch_size=4').

    run: what was seen of it while it trained: how it took its backward pass, where the method has more than one way
    ('at patch resolution', 'at full resolution, for interpolate'), or how often it ran ('for 61 % of the samples');
    '' where nothing was observed.
    """

    name: str
    change: str
    run: str = ""


@dataclass
class LayerGradient:
    """How near a changed layer's weight gradient is to the exact one, on one batch after the measured steps.

    cosine: of the angle between them. snr_db: 10 log10(|g|² / |g - g'|²), None where they are equal.
    reason: why there is no comparison, '' where there is one.
    """

    name: str
    cosine: Optional[float] = None
    snr_db: Optional[float] = None
    reason: str = ""


@dataclass
class LayerTime:
    """What a layer took in each step of a profiling run (torch.profiler), no measured run: one entry a step."""

    name: str
    forward_s: List[float] = field(default_factory=list)
    backward_s: List[float] = field(default_factory=list)


@dataclass
class Evaluation:
    """What the network scored on held-out data after so many epochs.

    accuracy: share of images, or of labelled pixels, classified correctly. loss: None where it was
    not finite. miou, mean_accuracy: segmentation only; the mean over classes of intersection over
    union, and of the share found.
    """

    epoch: int
    loss: Optional[float]
    accuracy: float
    miou: Optional[float] = None
    mean_accuracy: Optional[float] = None


@dataclass
class Outcome:
    """What the worker reports at the end, each None where it does not apply.

    saved_activation_bytes: bytes held for backward in one step, counted by storage, parameters
    excluded, in a separate unmeasured step; per part. peak_rss_bytes: the worker's high-water mark
    over warm-up and measured steps, with epochs the first one's (VmHWM, reset before); batches that wait
    decoded are part of it, data_ahead_bytes of the environment at most. start_accuracy, start_miou: what the
    starting weights score before the job trains them, from the preparation. evaluations: one per
    epoch, where the workload counts epochs. gradients: one per layer that a method changed.
    simulated: one per layer and part of a systolic workload, which has no other results. saved_bytes_by_layer: what a
    layer's own forward pass saves, by the module's name, without those that save nothing; a storage that two
    layers save counts for both. layer_times: of a profile only, in the order of the network.
    """

    saved_activation_bytes: Dict[str, int] = field(default_factory=dict)
    peak_rss_bytes: Optional[int] = None
    peak_device_bytes: Optional[int] = None
    test_accuracy: Optional[float] = None
    test_loss: Optional[float] = None
    start_accuracy: Optional[float] = None
    trained_parameters: Optional[int] = None
    layers: List[MethodedLayer] = field(default_factory=list)
    test_miou: Optional[float] = None
    test_mean_accuracy: Optional[float] = None
    start_miou: Optional[float] = None
    evaluations: List[Evaluation] = field(default_factory=list)
    gradients: List[LayerGradient] = field(default_factory=list)
    simulated: List[SimulatedLayer] = field(default_factory=list)
    saved_bytes_by_layer: Dict[str, int] = field(default_factory=dict)
    layer_times: List[LayerTime] = field(default_factory=list)


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
class Trace:
    """What a run that is going on has shown, one entry a second: to be watched, not to be judged.

    times_s: whole seconds of the board's monotonic clock. power_w: mean of the meter that a step's energy would come
    from. temperature_c: the hottest zone. step_s: median of the steps begun in it. Each None where there was nothing.
    """

    times_s: List[float] = field(default_factory=list)
    power_w: List[Optional[float]] = field(default_factory=list)
    temperature_c: List[Optional[float]] = field(default_factory=list)
    step_s: List[Optional[float]] = field(default_factory=list)


@dataclass
class RunFile:
    """A file that a run left for people, such as a profile: its name and size."""

    name: str
    bytes: int


@dataclass
class RunStatus:
    """Where a run is now; record is there once the run has ended.

    state: accepted | settling | running | finished | failed | cancelled | lost. trace: where it was asked for.
    """

    run_id: str
    state: str
    phase: str = ""
    done: int = 0
    total: int = 0
    record: Optional[RunRecord] = None
    trace: Optional[Trace] = None
