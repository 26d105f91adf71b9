"""Hand-made job specs and run records, as a board would send them: every number is chosen by the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gradfilter.bench.schema import (
    Channel,
    ConvLayerWorkload,
    ConvShape,
    DeviceSelector,
    Evaluation,
    Failure,
    JobSpec,
    LayerGradient,
    MethodedLayer,
    MethodSpec,
    Outcome,
    Phase,
    RunRecord,
    RunSpec,
    SamplerReport,
    SensorReport,
    Series,
    Step,
    TrainingWorkload,
    Variant,
)

PHASES = (
    Phase("settle", 90.0, 99.0),
    Phase("setup", 99.0, 100.0),
    Phase("warm_up", 100.0, 105.0),
    Phase("measured", 105.0, 145.0),
    Phase("evaluation", 145.0, 146.0),
)
ENVIRONMENT = {
    "board": "NVIDIA Jetson Nano Developer Kit",
    "machine": "aarch64",
    "torch": "1.10.2",
    "python": "3.6.15",
    "threads": 4,
    "governor": "performance",
}
BASELINE = Variant("baseline")
FILTERED = Variant("filtered", [MethodSpec("gradient_filter", {"patch_size": 4, "last": 4})])
COARSE = Variant("coarse", [MethodSpec("gradient_filter", {"patch_size": 8, "last": 4})])
SHAPES = (ConvShape(8, 64, 64, 56, 56), ConvShape(8, 256, 256, 14, 14))
NO_RAPL = SensorReport("rapl", present=False, reason="no RAPL counter.", quantities=["energy"])


def training_job(variants: Sequence[Variant] = (BASELINE, FILTERED), **changes: Any) -> JobSpec:
    """A job of 20 measured steps of a small network."""
    workload = TrainingWorkload("training", model="tiny_cnn", image_size=32, measured_steps=20, trainable="last:4")
    changes = {"workload": workload, "repetitions": 3, **changes}
    return JobSpec(variants=list(variants), device=DeviceSelector(name="nano-1"), **changes)


def layer_job(**changes: Any) -> JobSpec:
    """A job of two single convolutions."""
    workload = ConvLayerWorkload("conv_layer", shapes=list(SHAPES), measured_steps=5)
    return training_job(workload=workload, **changes)


def run_spec(job: JobSpec, variant: str, block: int, attempt: int = 1) -> RunSpec:
    """The plan of one run of a job."""
    chosen = [v for v in job.variants if v.name == variant]
    name = f"{job.variants.index(chosen[0])}.{block}.{attempt}"
    return RunSpec(f"job-1.{name}", "job-1", job.workload, chosen, block=block, attempt=attempt, seed=block)


def training_steps(
    *, forward_s: float, backward_s: float, optimizer_s: float, count: int = 20, trend: float = 0.0
) -> list[Step]:
    """Warm-up steps ten times as long, then measured ones that grow by `trend` from the first to the last."""
    warm = [
        Step(i, "warm_up", 100.0 + i, 10 * forward_s, 10 * backward_s, 10 * optimizer_s, loss=2.0) for i in range(5)
    ]
    factors = [1 + trend * i / max(count - 1, 1) for i in range(count)]
    return warm + [
        Step(i, "measured", 105.0 + 2 * i, forward_s * f, backward_s * f, optimizer_s * f, loss=1.0)
        for i, f in enumerate(factors)
    ]


def power(
    watts: Callable[[float], float], *, covers: str = "board_input", name: str = "VDD_IN", period_s: float = 0.1
) -> Series:
    """A power gauge read every period from before the warm-up until after the evaluation."""
    times = [95.0 + period_s * i for i in range(round(55 / period_s) + 1)]
    channel = Channel(name, "ina", "power", "W", covers=covers)
    return Series(channel, times, [watts(t) for t in times])


def gauge(quantity: str, unit: str, name: str, of_time: Callable[[float], float]) -> Series:
    """Any other gauge, read once a second over the whole run."""
    times = [float(t) for t in range(90, 150)]
    return Series(Channel(name, quantity, quantity, unit), times, [of_time(t) for t in times])


def finished(
    job: JobSpec,
    variant: str,
    block: int,
    *,
    forward_s: float = 0.03,
    backward_s: float = 0.06,
    optimizer_s: float = 0.01,
    trend: float = 0.0,
    **changes: Any,
) -> RunRecord:
    """A finished run of a training job; the outcome, environment, series and so on may be given."""
    outcome = Outcome(
        saved_activation_bytes={"": 8_000_000 if variant == "baseline" else 2_000_000},
        peak_rss_bytes=500_000_000 + 1_000_000 * block,
        test_accuracy=0.9 + 0.001 * block,
        test_loss=0.4 + 0.01 * block,
        trained_parameters=12_345,
        layers=[] if variant == "baseline" else [MethodedLayer("layer4.conv2", "gradient_filter patch_size=4")],
    )
    record = RunRecord(
        spec=run_spec(job, variant, block),
        state="finished",
        phases=list(PHASES),
        steps=training_steps(forward_s=forward_s, backward_s=backward_s, optimizer_s=optimizer_s, trend=trend),
        outcome=outcome,
        environment=dict(ENVIRONMENT),
        sensors=[NO_RAPL],
        sampler=SamplerReport(period_s=0.1, readings=550, cpu_s=0.2, worst_gap_s=0.12),
    )
    return replace(record, **changes)


def finished_layers(job: JobSpec, variant: str, block: int, *, backward_s: Sequence[float]) -> RunRecord:
    """A finished run of a layer job: one backward time per shape."""
    shapes = job.workload.shapes
    steps = [
        Step(i, "measured", 105.0 + i, 0.01, seconds * (1 + 0.01 * i), part=shape.label)
        for shape, seconds in zip(shapes, backward_s, strict=True)
        for i in range(5)
    ]
    saved = {shape.label: 1_000_000 if variant == "baseline" else 70_000 for shape in shapes}
    outcome = Outcome(saved_activation_bytes=saved, peak_rss_bytes=300_000_000 + block)
    return finished(job, variant, block, steps=steps, outcome=outcome)


def failed(
    job: JobSpec, variant: str, block: int, kind: str = "out_of_memory", message: str = "out of memory"
) -> RunRecord:
    """A run that failed of its own."""
    return RunRecord(run_spec(job, variant, block), "failed", failure=Failure(kind, message))


def lost(job: JobSpec, variant: str, block: int, attempt: int = 1) -> RunRecord:
    """An attempt that the agent lost."""
    return RunRecord(run_spec(job, variant, block, attempt), "lost", failure=Failure("lost", "the agent went away"))


# Two runs of a variant never take exactly the same time; these are the factors of the blocks.
NOISE = (1.0, 1.02, 0.99, 1.01, 0.98, 1.03, 0.97, 1.015)


def whole_job(job: JobSpec, backward_s: dict[str, float]) -> list[RunRecord]:
    """Every run of a training job, with the backward time of each variant and a little noise over blocks."""
    return [
        finished(
            job,
            variant.name,
            block,
            forward_s=0.03 * NOISE[block % 8],
            backward_s=backward_s[variant.name] * NOISE[(block + i) % 8],
        )
        for block in range(1, job.repetitions + 1)
        for i, variant in enumerate(job.variants)
    ]


def whole_layer_job(job: JobSpec, backward_s: dict[str, Sequence[float]]) -> list[RunRecord]:
    """Every run of a layer job, likewise."""
    return [
        finished_layers(
            job, variant.name, block, backward_s=[s * NOISE[(block + i) % 8] for s in backward_s[variant.name]]
        )
        for block in range(1, job.repetitions + 1)
        for i, variant in enumerate(job.variants)
    ]


def segmentation(epochs: int = 2) -> tuple[JobSpec, list[RunRecord]]:
    """A segmentation job that counts epochs, and its records: a preparation, then runs that lose 2 points of mIoU."""
    workload = replace(training_job().workload, model="fcn_resnet18", dataset="shapes", epochs=epochs)
    job = training_job(workload=workload)
    prepared = replace(run_spec(job, "baseline", 0), purpose="prepare", variants=job.variants)
    records = [RunRecord(prepared, "finished", outcome=Outcome(start_accuracy=0.5, start_miou=0.125))]
    for record in whole_job(job, {"baseline": 0.06, "filtered": 0.03}):
        filtered = record.spec.variant.name == "filtered"
        scores = [0.3 + 0.1 * i - 0.02 * filtered + 0.001 * record.spec.block for i in range(epochs)]
        record.outcome.evaluations = [
            Evaluation(i + 1, loss=1.0 - score, accuracy=score + 0.3, miou=score, mean_accuracy=score + 0.1)
            for i, score in enumerate(scores)
        ]
        record.outcome.test_miou, record.outcome.test_mean_accuracy = scores[-1], scores[-1] + 0.1
        saved = {"layer4.conv1": 4_000_000, "layer4.conv2": 2_000_000, "fc": 64_000}
        record.outcome.saved_bytes_by_layer = {**saved, "layer4.conv2": 125_000} if filtered else saved
        if filtered:
            cosine = 0.9 + 0.01 * record.spec.block
            record.outcome.gradients = [
                LayerGradient("layer4.conv1", cosine=1.0),
                LayerGradient("layer4.conv2", cosine=cosine, snr_db=6.0 + record.spec.block),
                LayerGradient("bn", reason="its weights do not fit the plain network"),
            ]
        record.phases = [Phase("data", 100.0, 105.0), Phase("measured", 105.0, 125.0), Phase("data", 125.0, 126.0)]
        record.phases += [Phase("measured", 126.0, 146.0), Phase("evaluation", 146.0, 147.0)]
        records.append(record)
    return job, records
