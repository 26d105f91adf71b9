"""Specs and records as boards and users write them, small."""

from __future__ import annotations

from typing import Any

from gradfilter.bench.schema import (
    Channel,
    DeviceDescription,
    Failure,
    MethodDescription,
    OptionDescription,
    Outcome,
    Phase,
    RunRecord,
    RunSpec,
    Series,
    Step,
    WorkerDescription,
)

DEVICE = "this-computer"
POWER = Channel(name="rapl:package-0", sensor="rapl", quantity="energy", unit="J", kind="counter", covers="package")


def job_document(**changes: Any) -> dict[str, Any]:
    """A job as a user writes it: baseline against patch size 2, one repetition, no time at a gate."""
    return {
        "workload": {"kind": "training", "model": "tiny_cnn", "image_size": 16, "batch_size": 4, "measured_steps": 2},
        "variants": [
            {"name": "baseline", "methods": []},
            {"name": "filtered", "methods": [{"name": "gradient_filter", "options": {"patch_size": 2}}]},
        ],
        "repetitions": 1,
        "device": {"name": DEVICE},
        "limits": {"run_s": 1, "settle_s": 0},
        "gate": {"most_s": 0},
        **changes,
    }


def description(**changes: Any) -> DeviceDescription:
    """A board with a worker that offers one method, two models and everything else in small."""
    options = [
        OptionDescription(name="patch_size", type="int", default=2),
        OptionDescription(name="last", type="Optional[int]"),
        OptionDescription(name="layers", type="Optional[List[str]]"),
    ]
    worker = WorkerDescription(
        python_version="3.11.7",
        torch_version="2.13.0",
        methods=[MethodDescription(name="gradient_filter", source="CVPR 2023", options=options)],
        models=["resnet18", "tiny_cnn"],
        datasets=["digits"],
        workloads=["conv_layer", "training"],
        compute=["cpu"],
    )
    facts: dict[str, Any] = {"hostname": "bench", "model": "a board", "machine": "x86_64", "cpu": "a processor"}
    facts |= {"cores": 2, "memory_bytes": 1 << 30, "os": "Debian", "kernel": "6.1", "agent_version": "0.1.0"}
    return DeviceDescription(**{**facts, "boot_id": "boot-1", "tags": ["x86_64"], "worker": worker, **changes})


def record(spec: RunSpec, state: str = "finished", failure: str = "") -> RunRecord:
    """A record of two measured steps and one energy counter."""
    steps = [
        Step(
            index=index,
            phase="measured",
            start_s=10.0 + index,
            forward_s=0.1,
            backward_s=0.2,
            optimizer_s=0.05,
            loss=1.5,
        )
        for index in range(2)
    ]
    return RunRecord(
        spec=spec,
        state=state,
        phases=[Phase("setup", 0.0, 10.0), Phase("measured", 10.0, 12.0)],
        steps=steps,
        series=[Series(POWER, [9.0, 10.0, 12.0, 13.0], [0.0, 1.0, None, 7.0])],
        outcome=Outcome(saved_activation_bytes={"": 1000}, peak_rss_bytes=2000, test_accuracy=0.5, test_loss=1.0),
        failure=Failure(kind="exception", message=failure) if failure else None,
        started_at="2026-01-01T00:00:00Z",
    )
