"""A job's raw records, judged: the pure function behind every report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from controller.analysis.busy_board import busy_board
from controller.analysis.concerns import find_concerns
from controller.analysis.environment import common_environment
from controller.analysis.evidence import Evidence, arrange
from controller.analysis.headline import headline
from controller.analysis.judging import plan_judgement, with_verdicts
from controller.analysis.learning import start_score
from controller.analysis.noise_floor import NO_NOISE_KNOWN, DeviceNoise
from controller.analysis.power_trace import power_traces
from controller.analysis.published import beside
from controller.analysis.retained import NOTHING_DROPPED, Retained
from controller.analysis.stopping import End, stopping
from controller.analysis.summary import summarize
from controller.analysis.verdicts import Comparison
from controller.analysis.wording import TIMES
from gradfilter.bench.schema import ConvLayerWorkload, JobSpec, RunRecord, SystolicWorkload

_TYPE = {"float32": "", "bfloat16": ", bfloat16"}
_WORK = {"step": "", "forward": ", forward only", "forward_backward": ", forward and backward only"}
_FINAL = ("finished", "failed", "cancelled")


def compare(
    job: JobSpec,
    records: Sequence[RunRecord],
    *,
    job_id: str = "",
    device: str = "",
    state: str = "finished",
    reason: str = "",
    noise: DeviceNoise = NO_NOISE_KNOWN,
    retained: Mapping[str, Retained] = NOTHING_DROPPED,
) -> Comparison:
    """Judge a job from the records that there are, in any order; preparations among them are not compared.

    state and reason are the job's own; while it is not final, what has not run yet is no concern. noise: what
    control jobs found of the device; without it, verdicts are provisional. retained: run → what it had measured, of
    runs whose series were dropped.
    """
    evidence = arrange(job, records, retained)
    variants = with_verdicts([summarize(evidence, variant) for variant in job.variants], job, noise)
    ended = state in _FINAL
    concerns = find_concerns(evidence, ended=ended)
    different = frozenset(concern.variant for concern in concerns if concern.code == "different_parameters")
    missing = _missing(evidence, records, ended=ended, reason=reason)
    said = headline(variants, quick=job.quick, different=different, busy=busy_board(evidence))
    used = [run.record for variant in job.variants for run in evidence.used(variant.name)]
    return Comparison(
        job_id=job_id,
        device=device,
        title=describe_workload(job),
        baseline=evidence.baseline,
        quick=job.quick,
        headline=said or f"No comparison: {missing}.",
        state=state,
        missing=missing,
        blocks_complete=len(evidence.complete_blocks),
        blocks_wanted=evidence.blocks_wanted,
        confidence=evidence.confidence,
        variants=variants,
        concerns=concerns,
        environment=common_environment(used),
        workload=asdict(job.workload),
        job=asdict(job),
        start=start_score(records),
        published=beside(job.published, variants),
        judgement=plan_judgement(job),
        power=power_traces(evidence),
        stopping=stopping(
            job,
            variants,
            evidence.blocks_wanted,
            End(len(evidence.complete_blocks), evidence.is_at_a_look) if ended else None,
        ),
    )


def describe_workload(job: JobSpec) -> str:
    """The workload in one line: 'resnet18 on digits, 128x128, batch 16, trainable last:4'."""
    workload = job.workload
    if isinstance(workload, ConvLayerWorkload):
        layers = len(workload.shapes)
        return f"forward and backward of {layers} single convolution{'s' if layers > 1 else ''}"
    if isinstance(workload, SystolicWorkload):
        array = f"{workload.array_rows}{TIMES}{workload.array_columns}"
        return f"{workload.model} simulated on a systolic array of {array}, batch {workload.batch_size}"
    names = workload.trainable if isinstance(workload.trainable, str) else ", ".join(workload.trainable)
    size = f"{workload.image_size}{TIMES}{workload.image_size}"
    text = f"{workload.model} on {workload.dataset}, {size}, batch {workload.batch_size}, trainable {names}"
    return text + _TYPE[workload.dtype] + _WORK[workload.work]


def _missing(evidence: Evidence, records: Sequence[RunRecord], *, ended: bool, reason: str) -> str:
    """What a reader must know is not there, in the order in which it matters; '' if nothing."""
    sentences = [reason.rstrip(".")] if reason else []
    sentences += [f"the preparation failed: {why}" for why in _failed_preparations(records) if why not in reason]
    finished = [name for name, runs in evidence.finished.items() if runs]
    if not finished:
        sentences.append("no run has finished" if ended else "no run has finished yet")
    elif evidence.baseline not in finished:
        sentences.append(f"the baseline {evidence.baseline!r} has no finished run, so nothing can be compared with it")
    without = [name for name in evidence.finished if finished and name not in finished and name != evidence.baseline]
    if without:
        sentences.append(f"no finished run of {', '.join(without)}")
    if len(evidence.job.variants) == 1:
        sentences.append("the job has one variant, so there is nothing to compare it with")
    done, wanted = len(evidence.complete_blocks), evidence.blocks_wanted
    if finished and done < wanted:
        sentences.append(f"{done} of {wanted} blocks are complete")
    if finished and done == wanted == 1:
        sentences.append("one repetition gives no intervals")
    return "; ".join(sentences)


def _failed_preparations(records: Sequence[RunRecord]) -> list[str]:
    failures = [r.failure for r in records if r.spec.purpose == "prepare" and r.state == "failed"]
    return list(dict.fromkeys(failure.message.rstrip(".") for failure in failures if failure is not None))
