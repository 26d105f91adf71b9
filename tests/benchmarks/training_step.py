"""A whole training step, every layer trained and filtered, beside the network's own forward pass without gradients.

    make bench

224×224, batch 16; the step is forward with the loss, backward, SGD and clearing the gradients. All times are multiples
of the fastest plain forward pass over both memory formats, with the same BatchNorm mode; everything takes turns in
one process, and figures are medians. Saved bytes are counted by a hook; peak RSS is that of a process of its own that
trains three steps, above what the process had before the first.
"""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.memory import read_peak_rss, reset_peak_rss
from gradfilter.bench.models import build_model
from gradfilter.inspection import counting_saved_bytes
from gradfilter.methods import GradientFilter
from tests.benchmarks.turns import median_seconds, print_machine

ROUNDS = 11
BATCH_SIZE, IMAGE_SIZE, CLASSES = 16, 224, 1000
MODELS = ("mobilenetv2_100", "resnet18")
PATCH_SIZES = (1, 4, 2)  # 1 is plain training
MODES = ("train", "eval")
LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


class Training:
    """One network in training: its steps, and the parts of them."""

    def __init__(self, name: str, layout: str, mode: str, patch_size: int) -> None:
        board = Board(Path("cache"), Path("datasets"), Path("weights"))  # a random start reads none of them
        model = build_model(name, classes=CLASSES, seed=0, board=board).train(mode == "train")
        self.model = copy.deepcopy(model).to(memory_format=LAYOUTS[layout])
        if patch_size > 1:
            GradientFilter(patch_size=patch_size).apply(self.model)
        self.images = torch.randn(BATCH_SIZE, 3, IMAGE_SIZE, IMAGE_SIZE).to(memory_format=LAYOUTS[layout])
        self.labels = torch.randint(0, CLASSES, (BATCH_SIZE,))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-4)
        self.forward_s: list[float] = []

    def loss(self) -> torch.Tensor:
        return nn.functional.cross_entropy(self.model(self.images), self.labels)

    def step(self) -> None:
        start = time.monotonic()
        loss = self.loss()
        self.forward_s.append(time.monotonic() - start)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def forward(self) -> None:
        with torch.no_grad():
            self.model(self.images)


def times(name: str, mode: str) -> None:
    """Print the steps of a network as multiples of its plain forward pass."""
    trainings = {(layout, p): Training(name, layout, mode, p) for layout, p in product(LAYOUTS, PATCH_SIZES)}
    forwards: list[Callable[[], object]] = [trainings[layout, 1].forward for layout in LAYOUTS]
    steps: list[Callable[[], object]] = [training.step for training in trainings.values()]
    seconds = median_seconds([*forwards, *steps], ROUNDS)
    unit = min(seconds[: len(forwards)])
    print(f"{f'{name}, BatchNorm in {mode} mode':44s}step / forward   forward with sums / forward")
    for (layout, patch), took in zip(trainings, seconds[len(forwards) :], strict=True):
        label = "plain training" if patch == 1 else f"patch {patch}"
        forward = sorted(trainings[layout, patch].forward_s[2:])[ROUNDS // 2]
        print(f"  {f'{label}, {layout}':42s}{took / unit:14.2f}{forward / unit:16.2f}", flush=True)


def memory(name: str, mode: str) -> None:
    """Print what steps keep, and how far the process grows for them."""
    print(f"{f'{name}, BatchNorm in {mode} mode':44s}saved [MB]   peak RSS [MB]")
    rows = []
    for patch in PATCH_SIZES:
        command = [sys.executable, "-m", "tests.benchmarks.training_step", "--grow", name, mode, str(patch)]
        saved, grown = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        rows.append((saved, grown))
        words = (
            "" if patch == 1 else f"   {rows[0][0] / saved:.1f}x less saved, of which {_share(rows):.0%} in peak RSS"
        )
        label = "plain training" if patch == 1 else f"patch {patch}"
        print(f"  {label:42s}{saved / 1e6:10.0f}{grown / 1e6:16.0f}{words}", flush=True)


def _share(rows: list[tuple[int, int]]) -> float:
    """How much of the last row's difference in saved bytes is one in peak RSS."""
    return (rows[0][1] - rows[-1][1]) / (rows[0][0] - rows[-1][0])


def grow(name: str, mode: str, patch: int) -> None:
    """Print the bytes saved by a step, and by how much the process grows over three steps."""
    training = Training(name, "channels_last", mode, patch)
    training.forward()
    reset_peak_rss()
    before = read_peak_rss() or 0
    for _ in range(3):
        training.step()
    grown = (read_peak_rss() or 0) - before
    with counting_saved_bytes(training.model) as saved:
        training.loss()
    print(saved.total, grown)


def main() -> None:
    """Print a table, dated and with the machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", choices=sorted(TABLES), nargs="?", default="times")
    parser.add_argument("--grow", nargs=3)
    arguments = parser.parse_args()
    if arguments.grow:
        name, mode, patch = arguments.grow
        grow(name, mode, int(patch))
        return
    print_machine()
    for name, mode in product(MODELS, MODES):
        TABLES[arguments.table](name, mode)


TABLES = {"times": times, "memory": memory}


if __name__ == "__main__":
    main()
