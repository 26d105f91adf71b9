"""A job's runs put in order: which finished, in which blocks, which of them may be compared and paired."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.analysis.environment import Conditions, commonest_conditions, conditions
from controller.analysis.layer_times import last_profiles
from controller.analysis.looks import BROKEN, blocks_to_complete, blocks_wanted, confidence_of
from controller.analysis.measurements import Measurement, is_plain, measure
from controller.analysis.metrics import METRICS, Metric, applicable, expected_metrics
from controller.analysis.retained import NOTHING_DROPPED, Retained
from controller.analysis.void import why_void
from gradfilter.bench.schema import JobSpec, RunRecord


@dataclass(frozen=True)
class Run:
    """A finished run with what it yields: (metric, part) → Measurement; retained: of one whose series were dropped."""

    record: RunRecord
    measurements: dict[tuple[str, str], Measurement]
    retained: Retained | None = None


@dataclass(frozen=True)
class Evidence:
    """The measured runs of a job.

    attempts: variant → every attempt. profiles: variant → its profiling run, where there is one. void: run id → why it
    does not count. finished: variant → block → its finished run. conditions: those under which runs are compared, None
    before the first finished run. energy_source: likewise the meter.
    complete_blocks: those in which every variant finished.
    """

    job: JobSpec
    attempts: dict[str, list[RunRecord]]
    profiles: dict[str, RunRecord]
    void: dict[str, str]
    finished: dict[str, dict[int, Run]]
    conditions: Conditions | None
    energy_source: str
    complete_blocks: tuple[int, ...]

    @property
    def blocks_wanted(self) -> int:
        """How many complete blocks the job works towards, as far as it has come."""
        return blocks_wanted(self.job, {record.spec.block for record in self._records()}, self._broken())

    @property
    def is_at_a_look(self) -> bool:
        """Whether every run is there that the look asked for. One that failed is, though it makes no pair."""
        tried = {(record.spec.block, record.spec.variant.name) for record in self._records()}
        blocks = blocks_to_complete(self.blocks_wanted, self._broken())
        return all((block, variant.name) in tried for block in blocks for variant in self.job.variants)

    def _records(self) -> list[RunRecord]:
        return [record for tried in self.attempts.values() for record in tried]

    def _broken(self) -> set[int]:
        """Blocks in which a run was lost or void."""
        states = ((r.spec.block, "void" if r.spec.run_id in self.void else r.state) for r in self._records())
        return {block for block, state in states if state in BROKEN}

    @property
    def confidence(self) -> float:
        """The level of every interval over runs."""
        return confidence_of(self.job)

    @property
    def baseline(self) -> str:
        """The variant that the others are compared with: the first of the job."""
        return self.job.variants[0].name

    def used(self, variant: str) -> list[Run]:
        """The runs behind a variant's estimates, in the order of blocks.

        Those under the job's conditions; if the variant has none, those under its own commonest ones,
        which are then shown but not compared.
        """
        runs = [run for _, run in sorted(self.finished[variant].items())]
        shared = [run for run in runs if conditions(run.record) == self.conditions]
        if shared:
            return shared
        own = commonest_conditions([run.record for run in runs])
        return [run for run in runs if conditions(run.record) == own]

    def pairs(self, variant: str) -> list[tuple[Run, Run]]:
        """(baseline's run, variant's run) of every complete block, both under the job's conditions."""
        blocks = [
            (self.finished[self.baseline][block], self.finished[variant][block]) for block in self._paired(variant)
        ]
        return [pair for pair in blocks if all(conditions(run.record) == self.conditions for run in pair)]

    def _paired(self, variant: str) -> Iterator[int]:
        both = self.finished[self.baseline].keys() & self.finished[variant].keys()
        return (block for block in self.complete_blocks if block in both)

    def metrics(self) -> dict[str, list[Metric]]:
        """Part → the metrics to judge: those of the workload, optional ones where a finished run has them."""
        runs = [run for by_block in self.finished.values() for run in by_block.values()]
        found = {m.metric for run in runs for m in run.measurements.values() if not is_plain(m)}
        return {part: applicable(metrics, found) for part, metrics in expected_metrics(self.job.workload).items()}

    def measurement(self, run: Run, metric: str, part: str) -> Measurement:
        """One metric of a run; energy from another meter than the job's is withheld, with the reason."""
        found = run.measurements.get((metric, part))
        if found is None:
            needed = run.measurements.get((METRICS[metric].needs, part)) if metric in METRICS else None
            reason = needed.reason if needed is not None else "the worker reported none"
            return Measurement(metric, part, None, "", reason=reason)
        if found.value is not None and found.source not in ("", self.energy_source):
            reason = f"metered by sensor channel {found.source}, where the job's other runs used {self.energy_source}"
            return Measurement(metric, part, None, found.unit, reason=reason, source=found.source)
        return found


def arrange(job: JobSpec, records: Sequence[RunRecord], retained: Mapping[str, Retained] = NOTHING_DROPPED) -> Evidence:
    """Order the records of a job; preparations are no runs, cancelled runs no evidence."""
    attempts: dict[str, list[RunRecord]] = {variant.name: [] for variant in job.variants}
    for record in sorted(records, key=lambda record: (record.spec.block, record.spec.attempt)):
        if record.spec.purpose == "measure" and record.spec.variant.name in attempts:
            attempts[record.spec.variant.name].append(record)
    void = {r.spec.run_id: why for tried in attempts.values() for r in tried if (why := why_void(job, r, retained))}
    finished = {variant: _finished_by_block(tried, void, retained) for variant, tried in attempts.items()}
    runs = [run for by_block in finished.values() for run in by_block.values()]
    sources = Counter(source for run in runs if (source := _energy_source(run)))
    return Evidence(
        job=job,
        attempts=attempts,
        profiles=last_profiles(records),
        void=void,
        finished=finished,
        conditions=commonest_conditions([run.record for run in runs]),
        energy_source=sources.most_common(1)[0][0] if sources else "",
        complete_blocks=_complete_blocks(attempts, finished),
    )


def _finished_by_block(
    attempts: Sequence[RunRecord], void: Collection[str], retained: Mapping[str, Retained]
) -> dict[int, Run]:
    """The first finished attempt of every block that is not void: a slot with a valid record never runs again."""
    found: dict[int, Run] = {}
    for record in attempts:
        if record.state == "finished" and record.spec.run_id not in void and record.spec.block not in found:
            kept = retained.get(record.spec.run_id)
            found[record.spec.block] = Run(record, _measurements(record, kept), kept)
    return found


def _measurements(record: RunRecord, kept: Retained | None) -> dict[tuple[str, str], Measurement]:
    """What a run measured; where its series were dropped, what needed them is what was stored."""
    found = {(m.metric, m.part): m for m in measure(record)}
    stored = {(m.metric, m.part): m for m in (() if kept is None else kept.measurements)}
    return found | {key: m for key, m in stored.items() if key not in found or found[key].value is None}


def _energy_source(run: Run) -> str:
    energy = run.measurements.get(("energy_per_step", ""))
    return energy.source if energy is not None and energy.value is not None else ""


def _complete_blocks(attempts: dict[str, list[RunRecord]], finished: dict[str, dict[int, Run]]) -> tuple[int, ...]:
    """Blocks in which every variant finished.

    A variant that failed and never finished is not waited for: out of memory in every block, it must not
    take the comparison of the others with it.
    """
    hopeless = {v for v, tried in attempts.items() if not finished[v] and any(r.state == "failed" for r in tried)}
    able = [blocks.keys() for variant, blocks in finished.items() if variant not in hopeless]
    return tuple(sorted(set.intersection(*(set(keys) for keys in able)))) if able else ()
