"""What the API tells about a job, a device and a run: the views, and the words for their states."""

import re
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from controller.analysis.judgement_plan import JudgementPlan
from gradfilter.bench.schema import DeviceDescription, JobSpec, RunRecord
from gradfilter.bench.schema.checks import REFUSE_UNKNOWN_KEYS, check_length, check_word

T = TypeVar("T")

JobState = Literal["queued", "running", "finished", "failed", "cancelled"]
FINAL_JOB_STATES: tuple[JobState, ...] = ("finished", "failed", "cancelled")
_URL = re.compile(
    r"(https?|mailbox)://([A-Za-z0-9._\-]+|\[[0-9a-fA-F:.]+\])(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~/\-]*)?\Z"
)
_PORTS = range(1, 65536)
DeviceHealth = Literal["online", "offline", "leased", "maintenance", "bad"]


@dataclass
class RunningNow:
    """The run that a job's board is working on."""

    run_id: str
    purpose: str
    variant: str
    block: int
    state: str
    phase: str
    done: int
    total: int


@dataclass
class JobProgress:
    """How far a job is. seconds_left is an estimate from the runs so far, None before the first."""

    runs_done: int
    runs_total: int
    seconds_left: float | None = None
    running: RunningNow | None = None
    waiting_for: str = ""


@dataclass
class JobView:
    """A job as the API shows it. reason says why it failed, or what is missing; user whose token submitted it.

    judgement: what its tests can say.
    series: the first of the jobs that were submitted together for several boards, mostly the job itself.
    """

    id: str
    state: JobState
    spec: JobSpec
    device: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    reason: str
    progress: JobProgress
    user: str = ""
    judgement: JudgementPlan | None = None
    series: str = ""


@dataclass
class RunSummary:
    """One attempt of a job, without its raw data. state: running, void, or as its record says.

    position counts the runs of a block from 0 in the order in which they are made.
    """

    id: str
    job_id: str
    device: str
    purpose: str
    variant: str
    block: int
    attempt: int
    state: str
    started_at: str
    finished_at: str | None
    failure: str
    seed: int = 0
    position: int = 0


def ending(record: RunRecord, void: str) -> tuple[str, str]:
    """State and failure of an attempt that ended with this record. void: why it does not count, '' where it does."""
    if void:
        return "void", void
    return record.state, "" if record.failure is None else record.failure.message


@dataclass
class ArtefactView:
    """A file that a run of the job left for people, such as a profile; size in bytes."""

    run_id: str
    variant: str
    name: str
    size: int


@dataclass
class NewDevice:
    """A board to register: its name in the lab and where its agent listens."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    name: str
    url: str
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_word("name", self.name)
        if "/" in self.name:  # it is one part of /v1/devices/{name}
            raise ValueError(f"name must have no slash, since it becomes part of an address, got {self.name!r}.")
        _check_device(self.url, self.tags)


@dataclass
class DeviceChange:
    """What the lab changes about a board; a field that is left out stays as it is.

    maintenance keeps new jobs away from the board; a job that is running goes on. fault does so too, as a reason why
    the board is bad; it is set by controls that failed, and '' says that somebody has looked.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    url: str | None = None
    tags: list[str] | None = None
    maintenance: bool | None = None
    fault: str | None = None

    def __post_init__(self) -> None:
        _check_device(self.url, self.tags)
        check_length("fault", self.fault or "", 0, 1000)


@dataclass
class NewMark:
    """What was changed about a board, such as a new system or new cooling."""

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    what: str

    def __post_init__(self) -> None:
        check_length("what", self.what, 1, 300)


@dataclass
class DeviceMark:
    """When something about a board was changed, and what."""

    at: str
    what: str


@dataclass
class ResultRow:
    """One metric of one finished run. value is None where reason says why; source is the channel of an energy.

    covers: what that channel includes. Energies of two devices compare only where it is the same.
    standard_uncertainty: what the meter may be wrong by, in the unit; twice as much is what reports write after ±.
    None of what is not metered. series_dropped_at: since when the run's series, which it was measured from, are gone.
    """

    run_id: str
    job_id: str
    device: str
    model: str
    variant: str
    methods: list[str]
    block: int
    metric: str
    part: str
    value: float | None
    unit: str
    standard_uncertainty: float | None
    kind: str
    reason: str
    source: str
    covers: str
    finished_at: str
    series_dropped_at: str | None = None


@dataclass
class Page(Generic[T]):
    """One page of a list; next is the cursor of the following page, null on the last."""

    items: list[T]
    next: str | None


@dataclass
class DeviceView:
    """A board as the API shows it. job is what holds its lease now."""

    name: str
    url: str
    tags: list[str]
    health: DeviceHealth
    health_reason: str
    job: str | None
    last_seen_at: str | None
    description: DeviceDescription | None


def _check_device(url: str | None, tags: list[str] | None) -> None:
    if url is not None:
        _check_url(url)
    check_length("tags", tags or [], 0, 32)
    for tag in tags or []:
        check_word("tags", tag)


def _check_url(url: str) -> None:
    found = _URL.match(url)
    if found is None:
        raise ValueError(
            "url must be the address of an agent, like http://nano-1:8101, or mailbox://NAME for a board that dials "
            f"out, got {url[:120]!r}."
        )
    if found["port"] is not None and int(found["port"]) not in _PORTS:
        raise ValueError(f"url must have a port between {_PORTS[0]} and {_PORTS[-1]}, got {url[:120]!r}.")
