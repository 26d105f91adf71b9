"""Reasons to doubt a job's numbers: what was seen, and what to do about it. One function per reason, one table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, floor, log10

from controller.analysis import symptoms
from controller.analysis.energy_signs import EnergySign, energy_signs
from controller.analysis.environment import conditions, differences
from controller.analysis.evidence import Evidence, Run
from controller.analysis.judging import plan_judgement
from controller.analysis.signs import LOSS_ADVICE, SIGNS
from controller.analysis.verdicts import Concern
from gradfilter.bench.schema import ConvLayerWorkload, SystolicWorkload, TrainingWorkload

SHORTEST_WINDOW_S = 30.0
WIDEST_START_TEMPERATURES = 10.0  # °C, over the runs that are compared
WIDEST_CLOCKS = 0.05  # from the slowest of those runs to the fastest, relative
_WHY_FEW = {
    1: "only one complete block: it cannot show how much runs differ, so there is no interval",
    2: "only two complete blocks: an interval from one difference is very wide",
}


@dataclass(frozen=True)
class Case:
    """What a check looks at. ended: the job will bring no more runs, so that what is missing stays missing."""

    evidence: Evidence
    ended: bool

    @property
    def variants(self) -> list[str]:
        """The names of the variants in the order of the job."""
        return list(self.evidence.attempts)

    def finished(self, variant: str) -> list[Run]:
        """The finished runs of a variant, in the order of blocks."""
        return [run for _, run in sorted(self.evidence.finished[variant].items())]


def find_concerns(evidence: Evidence, *, ended: bool) -> list[Concern]:
    """Every concern that the evidence raises, in the order of the table below."""
    case = Case(evidence, ended)
    return [concern for check in CHECKS for concern in check(case)]


def _too_few_repetitions(case: Case) -> Iterator[Concern]:
    job, blocks = case.evidence.job, len(case.evidence.complete_blocks)
    if not case.ended or blocks == 0:
        return
    if blocks in _WHY_FEW:
        yield Concern("too_few_repetitions", _WHY_FEW[blocks], "repeat the job with at least 3 repetitions")
        return
    plan = plan_judgement(job)
    if blocks < plan.blocks_needed:
        yield Concern(
            "too_few_repetitions",
            f"{blocks} complete blocks, where a verdict in {plan.tests} tests needs at least {plan.blocks_needed}",
            f"repeat the job with repetitions {plan.blocks_needed} or more, or name fewer primary metrics",
        )


def _incomplete_blocks(case: Case) -> Iterator[Concern]:
    done, wanted = len(case.evidence.complete_blocks), case.evidence.blocks_wanted
    if case.ended and done < wanted:
        yield Concern(
            "incomplete_blocks",
            f"{done} of {wanted} blocks are complete; runs of the others are shown but not paired",
            "look at the failed and lost runs, remove the cause and repeat the job",
        )


def _failed_runs(case: Case) -> Iterator[Concern]:
    for variant, attempts in case.evidence.attempts.items():
        failed = [record for record in attempts if record.state == "failed"]
        if failed:
            why = failed[0].failure
            yield Concern(
                "failed_runs",
                f"{len(failed)} of {len(attempts)} runs failed"
                + (f"; the first: {why.kind}: {why.message}" if why else ""),
                "read the run's log; numbers come from the finished runs only, which may be the easier ones",
                variant,
            )


def _lost_attempts(case: Case) -> Iterator[Concern]:
    for variant, attempts in case.evidence.attempts.items():
        lost = sum(record.state == "lost" for record in attempts)
        if lost:
            yield Concern(
                "lost_attempts",
                f"{lost} of {len(attempts)} attempts were lost with the agent, the board or the connection",
                "check the board's power supply and network; lost attempts are counted but not used",
                variant,
            )


def _void_runs(case: Case) -> Iterator[Concern]:
    for variant, attempts in case.evidence.attempts.items():
        found = [why for record in attempts if (why := case.evidence.void.get(record.spec.run_id))]
        if found:
            yield Concern(
                "void_runs",
                f"{len(found)} of {len(attempts)} runs are void by what the job declared; the first: {found[0]}",
                "remove the cause; void runs are kept, and their blocks replaced at most twice",
                variant,
            )


def _different_environment(case: Case) -> Iterator[Concern]:
    reference = case.evidence.conditions
    for variant in case.variants:
        runs = case.finished(variant)
        others = [run for run in runs if conditions(run.record) != reference]
        if others and reference is not None:
            what = "; ".join(differences(conditions(others[0].record), reference))
            yield Concern(
                "different_environment",
                f"{len(others)} of {len(runs)} runs are not compared: {what}",
                "keep the board's software, power mode and governor fixed during a job, and repeat it",
                variant,
            )


def _different_meter(case: Case) -> Iterator[Concern]:
    for variant in case.variants:
        withheld = [
            found
            for run in case.evidence.used(variant)
            if (energy := run.measurements.get(("energy_per_step", ""))) is not None and energy.value is not None
            if (found := case.evidence.measurement(run, "energy_per_step", "")).value is None
        ]
        if withheld:
            yield Concern(
                "different_environment",
                f"the energy of {len(withheld)} runs is not compared: {withheld[0].reason}",
                "keep the same meter readable in all runs of a job, and repeat it",
                variant,
            )


def _different_parameters(case: Case) -> Iterator[Concern]:
    workload, variants = case.evidence.job.workload, case.evidence.job.variants
    if isinstance(workload, ConvLayerWorkload):
        return
    base = _trained_parameters(case, case.evidence.baseline)
    for variant in variants[1:]:
        own = _trained_parameters(case, variant.name)
        overrides = variant.trainable is not None and variant.trainable != (variants[0].trainable or workload.trainable)
        counted = f" ({own:,} instead of {base:,})" if own is not None and base is not None else ""
        if overrides or (counted and own != base):
            yield Concern(
                "different_parameters",
                f"different parameters trained{counted}: the comparison is of two trainings, not of two ways to do one",
                "give the variant the workload's trainable, unless this is what you want to compare",
                variant.name,
            )


def _trained_parameters(case: Case, variant: str) -> int | None:
    runs = case.evidence.used(variant)
    return runs[0].record.outcome.trained_parameters if runs else None


def _energy_unmeasured(case: Case) -> Iterator[Concern]:
    found = [
        energy
        for variant in case.variants
        for run in case.finished(variant)
        if (energy := run.measurements.get(("energy_per_step", ""))) is not None
    ]
    missing = [energy for energy in found if energy.value is None]
    if missing:
        metered = bool(missing[0].source)
        yield Concern(
            "energy_unmeasured",
            f"energy is unmeasured in {len(missing)} of {len(found)} runs; the first: {missing[0].reason}",
            "raise measured_steps or shorten sampling.period_s"
            if metered
            else "run gradfilter-agent sensors on the board, which says what each sensor needs",
        )


def _short_window(case: Case) -> Iterator[Concern]:
    workload = case.evidence.job.workload
    if isinstance(workload, SystolicWorkload):
        return  # nothing is timed
    lasted = [symptoms.measured_seconds(run.record) for v in case.variants for run in case.finished(v)]
    seconds = min((lasting for lasting in lasted if lasting > 0), default=SHORTEST_WINDOW_S)
    if seconds < SHORTEST_WINDOW_S:
        quick = " without quick" if case.evidence.job.quick else ""
        yield Concern(
            "short_window",
            f"the shortest measured phase lasted {seconds:.3g} s, under {SHORTEST_WINDOW_S:g} s: "
            "heat and clocks may not have settled",
            f"for numbers to rely on, repeat the job{quick} with {_longer(workload, seconds)} or more",
        )


def _longer(workload: TrainingWorkload | ConvLayerWorkload, seconds: float) -> str:
    factor = SHORTEST_WINDOW_S / seconds
    if isinstance(workload, TrainingWorkload) and workload.epochs is not None:
        return f"epochs of about {_rounded_up(workload.epochs * factor)}"
    return f"measured_steps of about {_rounded_up(workload.measured_steps * factor)}"


def _rounded_up(value: float) -> int:
    """To two digits: nobody needs 8299 rather than 8300."""
    place = int(10 ** max(floor(log10(value)) - 1, 0))
    return ceil(value / place) * place


def _layer_speedup_only(case: Case) -> Iterator[Concern]:
    if isinstance(case.evidence.job.workload, ConvLayerWorkload):
        yield Concern(
            "layer_speedup_only",
            "a layer's backward speed-up is not a training step's: the other layers, the forward pass and the "
            "optimizer stay as they are",
            "run a training job with the same method to see what a whole step gains",
        )


def _runs_with_signs(case: Case) -> Iterator[Concern]:
    for sign in SIGNS:
        for variant in case.variants:
            runs = case.finished(variant)
            seen = [what for run in runs if (what := sign.seen(run.record))]
            if seen:
                yield Concern(sign.code, f"in {len(seen)} of {len(runs)} runs {seen[0]}", sign.advice, variant)


def _energies_with_signs(case: Case) -> Iterator[Concern]:
    for variant in case.variants:
        runs = case.finished(variant)
        seen: dict[EnergySign, list[str]] = {}
        for run in runs:
            for sign, what in energy_signs(run.record):
                seen.setdefault(sign, []).append(what)
        for sign, found in seen.items():
            yield Concern(sign.code, f"in {len(found)} of {len(runs)} runs {found[0]}", sign.advice, variant)


def _different_temperatures(case: Case) -> Iterator[Concern]:
    runs = [run.record for variant in case.variants for run in case.evidence.used(variant)]
    found = [heat for record in runs if (heat := symptoms.temperature_at_start(record)) is not None]
    if found and max(found) - min(found) > WIDEST_START_TEMPERATURES:
        yield Concern(
            "different_temperatures",
            f"the board was between {min(found):.0f} and {max(found):.0f} °C hot when the measured phases began: "
            "a hotter chip takes more power for the same work",
            "lengthen limits.settle_s and warm_up_steps, so that every run starts alike",
        )


def _different_clocks(case: Case) -> Iterator[Concern]:
    runs = [run.record for variant in case.variants for run in case.evidence.used(variant)]
    found = [(clock, name) for record in runs for clock, name in [symptoms.measured_clock(record)] if name]
    if found and min(found)[0] < (1 - WIDEST_CLOCKS) * max(found)[0]:
        (slowest, _), (fastest, name) = min(found), max(found)
        yield Concern(
            "different_clocks",
            f"the clock {name} ran at {fastest / 1e6:.0f} MHz on average in the fastest of the compared runs, and the "
            f"fastest clock at {slowest / 1e6:.0f} MHz in the slowest",
            "fix the clocks (the governor performance, jetson_clocks), cool the board, and repeat the job",
        )


def _failed_non_finite(case: Case) -> Iterator[Concern]:
    for variant, attempts in case.evidence.attempts.items():
        count = sum(record.failure is not None and record.failure.kind == "non_finite_loss" for record in attempts)
        if count:
            yield Concern(
                "non_finite_loss",
                f"{count} of {len(attempts)} runs ended with a loss that was not finite",
                LOSS_ADVICE,
                variant,
            )


def _dropped_series(case: Case) -> Iterator[Concern]:
    gone = [run.retained for variant in case.variants for run in case.finished(variant) if run.retained is not None]
    if gone:
        last = max(gone, key=lambda retained: retained.at)
        yield Concern(
            "series_dropped",
            f"the sensor series of {len(gone)} runs were dropped, last at {last.at}, because {last.why}; energies are "
            "those that were computed before, and what only series show is not looked at",
            "export what must last, or keep series longer (keep_series_days, keep_series_bytes)",
        )


CHECKS: tuple[Callable[[Case], Iterator[Concern]], ...] = (
    _layer_speedup_only,
    _different_environment,
    _different_meter,
    _different_parameters,
    _failed_runs,
    _failed_non_finite,
    _lost_attempts,
    _void_runs,
    _incomplete_blocks,
    _too_few_repetitions,
    _short_window,
    _dropped_series,
    _energy_unmeasured,
    _runs_with_signs,
    _energies_with_signs,
    _different_temperatures,
    _different_clocks,
)
