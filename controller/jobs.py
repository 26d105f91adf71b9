"""What the API tells about a job, a device and a run: the views, and the words for their states."""

from dataclasses import dataclass, field
from typing import Literal

from gradfilter.bench.schema import DeviceDescription, JobSpec

JobState = Literal["queued", "running", "finished", "failed", "cancelled"]
FINAL_JOB_STATES: tuple[JobState, ...] = ("finished", "failed", "cancelled")
DeviceHealth = Literal["online", "offline", "maintenance"]


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
    """A job as the API shows it. reason says why it failed, or what is missing."""

    id: str
    state: JobState
    spec: JobSpec
    device: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    reason: str
    progress: JobProgress


@dataclass
class RunSummary:
    """One attempt of a job, without its raw data. state: running, or as its record says."""

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


@dataclass
class NewDevice:
    """A board to register: its name in the lab and where its agent listens."""

    name: str
    url: str
    tags: list[str] = field(default_factory=list)


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
