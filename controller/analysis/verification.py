"""The checklist of a job: what its numbers rest on, each point held or named where it does not hold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

from controller.analysis import symptoms
from controller.analysis.concerns import SHORTEST_WINDOW_S
from controller.analysis.environment import conditions, differences
from controller.analysis.measurements import measured_steps, step_time_s
from controller.analysis.metering import measured_energy
from controller.analysis.retained import NOTHING_DROPPED, Retained
from controller.analysis.void import why_void
from gradfilter.bench.schema import JobSpec, RunRecord

FEWEST_STEPS = 30
_MOST_NAMED = 3
# Marks of one clock that are written as decimal seconds.
_ROUNDING_S = 1e-6


@dataclass(frozen=True)
class StoredHash:
    """A record's hash as it was stored ('' by a version that stored none), and of what is there now.

    now: '' where its series were dropped.
    """

    stored: str
    now: str


@dataclass(frozen=True)
class Check:
    """One point of the checklist. found: what does not hold and in which runs, or what was looked at where it does."""

    name: str
    passed: bool
    found: str


def verify(
    job: JobSpec,
    records: Sequence[RunRecord],
    hashes: Mapping[str, StoredHash],
    retained: Mapping[str, Retained] = NOTHING_DROPPED,
) -> list[Check]:
    """The checklist over the finished runs of a job that are not void; hashes: run id → hash, of every record."""
    measured = [r for r in records if r.state == "finished" and r.spec.purpose == "measure"]
    runs = [record for record in measured if not why_void(job, record, retained)]
    if not runs:
        return [Check("runs", passed=False, found="no run has finished, so there is nothing to verify")]
    of_each: dict[str, Callable[[RunRecord], str]] = {
        "clock": _clock,
        "window lengths": _window,
        "sensor quality": _sensors,
        "hashes of raw data": lambda record: _hash(hashes[record.spec.run_id]),
    }
    checks = [_over(name, runs, look) for name, look in of_each.items()]
    return [*checks, _environments(runs), _seeds(job, runs)]


def _over(name: str, runs: Sequence[RunRecord], look: Callable[[RunRecord], str]) -> Check:
    wrong = [f"{_name(record)}: {what}" for record in runs if (what := look(record))]
    return _check(name, wrong, f"{len(runs)} runs")


def _check(name: str, wrong: Sequence[str], looked_at: str) -> Check:
    if not wrong:
        return Check(name, passed=True, found=looked_at)
    more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
    return Check(name, passed=False, found="; ".join(wrong[:_MOST_NAMED]) + more)


def _clock(record: RunRecord) -> str:
    """Phases follow one another and steps lie one after another, on one clock that never goes back."""
    if any(phase.end_s < phase.start_s for phase in record.phases):
        return "a phase ends before it begins"
    if any(later.start_s < earlier.end_s - _ROUNDING_S for earlier, later in pairwise(record.phases)):
        return "phases overlap"
    steps = [step for part in dict.fromkeys(s.part for s in record.steps) for step in measured_steps(record, part)]
    if any(
        b.start_s < a.start_s + step_time_s(a) - _ROUNDING_S
        for a, b in pairwise(sorted(steps, key=attrgetter("start_s")))
    ):
        return "steps overlap"
    if any(b < a for series in record.series for a, b in pairwise(series.times_s)):
        return "a sensor's clock went back"
    return ""


def _window(record: RunRecord) -> str:
    seconds, parts = symptoms.measured_seconds(record), dict.fromkeys(step.part for step in record.steps)
    fewest = min((len(measured_steps(record, part)) for part in parts), default=0)
    if seconds < SHORTEST_WINDOW_S:
        return f"measured for {seconds:.3g} s, under {SHORTEST_WINDOW_S:g} s"
    return f"{fewest} measured steps, under {FEWEST_STEPS}" if fewest < FEWEST_STEPS else ""


def _sensors(record: RunRecord) -> str:
    if record.sampler is not None and record.sampler.dropped:
        return f"a sensor was dropped: {record.sampler.dropped[0]}"
    if record.sampler is not None and record.sampler.worst_gap_s > 3 * record.sampler.period_s:
        return f"no reading for {record.sampler.worst_gap_s:.3g} s (period {record.sampler.period_s:.3g} s)"
    energy = measured_energy(record)
    return energy.reason if energy.meter else ""


def _hash(found: StoredHash) -> str:
    if not found.stored:
        return "stored without a hash, by an older version"
    if not found.now:
        return "its series were dropped to make room, so that its hash cannot be made again"
    return "" if found.stored == found.now else "the raw data are not those that were stored"


def _environments(runs: Sequence[RunRecord]) -> Check:
    first = conditions(runs[0])
    wrong = [
        f"{_name(record)}: {', '.join(differences(conditions(record), first))}"
        for record in runs
        if conditions(record) != first
    ]
    return _check("same environment", wrong, f"{len(runs)} runs alike in {len(first)} facts")


def _seeds(job: JobSpec, runs: Sequence[RunRecord]) -> Check:
    """The runs of a block share a seed, and no two blocks do."""
    wrong = list(_strange_seeds(runs))
    return _check("seeds", wrong, f"blocks in orders drawn from seed {job.seed}, each with a seed of its own")


def _strange_seeds(runs: Sequence[RunRecord]) -> Iterator[str]:
    by_block: dict[int, set[int]] = {}
    for record in runs:
        by_block.setdefault(record.spec.block, set()).add(record.spec.seed)
    yield from (f"the runs of block {block} have different seeds" for block, s in by_block.items() if len(s) > 1)
    firsts = [min(seeds) for seeds in by_block.values()]
    if len(set(firsts)) < len(firsts):
        yield "two blocks have the same seed, so they are no two samples"


def _name(record: RunRecord) -> str:
    return f"{record.spec.variant.name}, block {record.spec.block}"
