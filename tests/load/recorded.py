"""The record of a simulated run: thirty steps and three series of ten readings a second for twenty seconds."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from gradfilter.bench.schema import Channel, Outcome, Phase, RunRecord, RunSpec, Series, Step, TrainingWorkload, Variant

_STEPS = 30
_READINGS = 200


def record(spec: RunSpec) -> RunRecord:
    """A finished run with a meter in the board's lead."""
    instants = [0.1 * reading for reading in range(_READINGS)]
    channels = (
        Channel(name="ina:in", sensor="ina", quantity="power", unit="W", kind="gauge", covers="board_input"),
        Channel(name="thermal:cpu", sensor="thermal", quantity="temperature", unit="degC", kind="gauge", covers=""),
        Channel(
            name="process_memory:rss", sensor="process_memory", quantity="memory", unit="B", kind="gauge", covers=""
        ),
    )
    return RunRecord(
        spec=spec,
        state="finished",
        phases=[Phase("setup", 0.0, 4.0), Phase("warm_up", 4.0, 5.0), Phase("measured", 5.0, 20.0)],
        steps=[
            Step(
                index=number,
                phase="measured",
                start_s=5.0 + number / 2,
                forward_s=0.2,
                backward_s=0.2,
                optimizer_s=0.05,
                loss=1.5,
            )
            for number in range(_STEPS)
        ],
        series=[
            Series(channel, instants, [5.0 + 0.001 * number for number in range(_READINGS)]) for channel in channels
        ],
        outcome=Outcome(saved_activation_bytes={"": 1000}, peak_rss_bytes=2000, test_accuracy=0.5, test_loss=1.0),
        started_at="2026-01-01T00:00:00Z",
    )


def record_text(spec: dict[str, Any]) -> str:
    """The same as JSON, for any run: its spec is put in as the controller wrote it."""
    return _TEXT.replace('"SPEC"', json.dumps(spec), 1)


_SPEC = RunSpec("1", "1", TrainingWorkload(kind="training", model="tiny_cnn"), [Variant("baseline")])
_TEXT = json.dumps({**asdict(record(_SPEC)), "spec": "SPEC"})
