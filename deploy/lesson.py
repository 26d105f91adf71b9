"""The demo's last words: what a layer gains beside what the whole step gains, with the numbers just measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

_TIMES, _TO = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
_COLUMNS = ("", "one layer's backward", "whole backward", "whole step")


@dataclass(frozen=True)
class Gains:
    """The speed-ups of one variant; empty text where one was not measured."""

    variant: str
    layer_backward: str
    network_backward: str
    step: str


def lesson(comparisons: Sequence[dict[str, Any]]) -> Group:
    """A table of speed-ups and what to make of it, from the comparisons' JSON; empty without both kinds of job."""
    steps = [comparison for comparison in comparisons if comparison["workload"].get("kind") == "training"]
    layers = [comparison for comparison in comparisons if comparison["workload"].get("kind") == "conv_layer"]
    if not steps or not layers:
        return Group()
    rows = gains(steps[0], layers[0])
    table = Table(title="Speed-up over plain training", title_justify="left", box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, justify="left" if not column else "right")
    for row in rows:
        table.add_row(
            row.variant, *(text or "unmeasured" for text in (row.layer_backward, row.network_backward, row.step))
        )
    return Group(Text(), table, Text(), Text(_MORAL))


_MORAL = (
    "The first column is the backward pass of single convolutions, over the shapes measured. The last is what a "
    "training step of the whole network gains: its forward pass, its other layers and the optimizer take as long as "
    "before. Neither number stands for the other."
)


def gains(step: dict[str, Any], layer: dict[str, Any]) -> list[Gains]:
    """The speed-ups of every variant but the baseline of the step's comparison; variants are matched by name."""
    alone = {variant["variant"]: variant for variant in layer["variants"]}
    return [
        Gains(
            variant=variant["variant"],
            layer_backward=_range(_speedups(alone.get(variant["variant"]), "backward")),
            network_backward=_interval(_speedups(variant, "backward")),
            step=_interval(_speedups(variant, "step_time")),
        )
        for variant in step["variants"]
        if variant["variant"] != step["baseline"]
    ]


def _speedups(variant: dict[str, Any] | None, metric: str) -> list[dict[str, Any]]:
    """The ratio estimates of a metric in every part of a variant that has one."""
    parts = variant["parts"] if variant else []
    ratios = [part["metrics"].get(metric, {}).get("ratio") for part in parts]
    return [ratio for ratio in ratios if ratio is not None]


def _range(ratios: list[dict[str, Any]]) -> str:
    """The smallest and the largest, over the parts."""
    values = [f"{value:.2f}{_TIMES}" for value in sorted(float(ratio["value"]) for ratio in ratios)]
    return " to ".join(dict.fromkeys([*values[:1], *values[-1:]]))


def _interval(ratios: list[dict[str, Any]]) -> str:
    """The speed-up of the whole network, which is the only part, with its interval."""
    if not ratios:
        return ""
    ratio = ratios[0]
    interval = "" if ratio["low"] is None else f" ({ratio['low']:.2f}{_TO}{ratio['high']:.2f})"
    return f"{ratio['value']:.2f}{_TIMES}{interval}"
