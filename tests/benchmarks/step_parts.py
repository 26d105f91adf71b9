"""What the time of one training step goes to: convolutions, kernels, everything else of the forward pass, backward.

    python -m tests.benchmarks.step_parts mobilenetv2_100

A clock is read around every convolution and every kernel of a step, and so says what each takes among the others, on
the caches that those leave. "rest" is what remains of the forward pass: Python and PyTorch's small operators, and for
plain training normalisation and activation. Below it stands what memory and arithmetic account for (step_model.py).
Medians of steps that take turns with the plain ones; ms, and multiples of the plain forward pass.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import nn

from gradfilter.filtering.native import library
from tests.benchmarks.step_model import backward_work, convolutions_of, forward_work, kept_bytes
from tests.benchmarks.training_step import MODELS, MODES, PATCH_SIZES, Training
from tests.benchmarks.turns import machine_rates, print_machine

ROUNDS, WARM_UP_ROUNDS = 15, 3
PARTS = ("convolutions", "kernels", "rest", "backward", "optimizer")


class Clock:
    """The seconds of each part of a step, added up since the last reset."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)

    def around(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, whose time counts for a part."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.seconds[part] += time.perf_counter() - start
            return result

        return timed

    def read(self) -> dict[str, float]:
        """The seconds since the last reading."""
        seconds, self.seconds = self.seconds, dict.fromkeys(PARTS, 0.0)
        return seconds


def clocked() -> Clock:
    """A clock that all convolutions and kernels of this process run by from now on."""
    clock, find = Clock(), library.find_function
    nn.functional.conv2d = clock.around("convolutions", nn.functional.conv2d)

    @cache
    def find_timed(name: str, dtype: torch.dtype) -> Any:
        function = find(name, dtype)
        return None if function is None else clock.around("kernels", function)

    library.find_function = find_timed
    return clock


def step_parts(training: Training, clock: Clock) -> dict[str, float]:
    """The parts of one training step [s]."""
    start = time.perf_counter()
    clock.read()
    loss = training.loss()
    forward = clock.read()
    middle = time.perf_counter()
    loss.backward()
    end = time.perf_counter()
    training.optimizer.step()
    training.optimizer.zero_grad()
    rest = middle - start - forward["convolutions"] - forward["kernels"]
    return {**forward, "rest": rest, "backward": end - middle, "optimizer": time.perf_counter() - end}


def forward_parts(training: Training, clock: Clock) -> dict[str, float]:
    """The parts of one plain forward pass without gradients [s]."""
    start = time.perf_counter()
    clock.read()
    training.forward()
    forward = clock.read()
    return {**forward, "rest": time.perf_counter() - start - sum(forward.values())}


def median_parts(rows: list[dict[str, float]]) -> list[float]:
    """The median of each part over the steps after the first, and of all together [ms]."""
    kept = rows[WARM_UP_ROUNDS:]
    columns = [[row[part] for row in kept] for part in PARTS] + [[sum(row.values()) for row in kept]]
    return [1e3 * statistics.median(column) for column in columns]


def table(name: str, mode: str, layout: str) -> None:
    """Print the parts of plain and filtered steps of a network, and what is modelled of them."""
    clock = clocked()
    trainings = [Training(name, layout, mode, patch) for patch in PATCH_SIZES]
    actions = [lambda: forward_parts(trainings[0], clock)]
    actions += [lambda training=training: step_parts(training, clock) for training in trainings]
    rows: list[list[dict[str, float]]] = [[] for _ in actions]
    for _ in range(WARM_UP_ROUNDS + ROUNDS):
        for action, results in zip(actions, rows, strict=True):
            results.append(action())
    print(f"{f'{name}, {mode}, {layout} [ms]':38s}" + "".join(f"{part:>13s}" for part in (*PARTS, "all", "/ forward")))
    medians = list(map(median_parts, rows))
    unit = medians[0][-1]
    for label, parts in zip(["forward alone", *map(_label, PATCH_SIZES)], medians, strict=True):
        print(f"  {label:36s}" + "".join(f"{part:13.1f}" for part in parts) + f"{parts[-1] / unit:13.2f}")
    print_model(trainings, unit, statistics=mode == "train")


def print_model(trainings: Sequence[Training], unit: float, *, statistics: bool) -> None:
    """Print what each filtered step computes and moves, how long that takes [ms], and as multiples of unit."""
    rates, convolutions = machine_rates(), convolutions_of(trainings[0])
    forward = forward_work(convolutions, statistics=statistics)
    headings = ("GFLOP", "GB", "ms", "GFLOP back", "GB back", "ms back", "/ forward")
    print(f"  {'modelled':36s}" + "".join(f"{heading:>13s}" for heading in headings))
    for patch, training in zip(PATCH_SIZES, trainings, strict=True):
        if patch > 1:
            works = forward, backward_work(convolutions, patch, kept_bytes(training))
            cells = [[work.operations / 1e9, work.moved / 1e9, 1e3 * work.seconds(rates)] for work in works]
            figures = [*cells[0], *cells[1], (cells[0][-1] + cells[1][-1]) / unit]
            print(f"  {_label(patch):36s}" + "".join(f"{figure:13.2f}" for figure in figures))
    print(f"  {rates}")


def _label(patch: int) -> str:
    return "plain training" if patch == 1 else f"patch {patch}"


def main() -> None:
    """Print the table, dated and with the machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default=MODELS[0])
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--layout", choices=("channels_last", "contiguous"), default="channels_last")
    arguments = parser.parse_args()
    print_machine()
    table(arguments.model, arguments.mode, arguments.layout)


if __name__ == "__main__":
    main()
