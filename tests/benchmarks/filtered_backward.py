"""What gradient filtering saves on this machine: one layer's backward pass beside the whole step's.

    make bench

Ratios within one run: plain and filtered take turns on the same tensors, and each figure is the
median of its rounds. A layer's speed-up is never printed without the step's: the published 20 to 114
times are one layer's backward pass, and the rest of the step stays as it was.
"""

from __future__ import annotations

import copy
import platform
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.models import build_model
from gradfilter.methods import GradientFilter

ROUNDS = 15
BATCH_SIZE = 32
# Channels, width and height of published latency cases that fit into a few seconds here (3x3, stride 1, padding 1).
SHAPES = ((512, 14, 14), (256, 14, 14), (128, 28, 28), (64, 56, 56))
PATCH_SIZES = (2, 4)


def median_seconds(actions: list[Callable[[], float]]) -> list[float]:
    """The median of each action's own timing, the actions taking turns."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(ROUNDS + 2):
        for action, seconds in zip(actions, times, strict=True):
            seconds.append(action())
    return [statistics.median(seconds[2:]) for seconds in times]  # the first two rounds warm up


def layer_backward(model: nn.Module, x: torch.Tensor) -> Callable[[], float]:
    """Times the backward pass of one convolution, input gradient included."""

    def once() -> float:
        x.grad = None
        model.zero_grad()
        y = model(x)
        gradient = torch.ones_like(y)
        start = time.monotonic()
        y.backward(gradient)
        return time.monotonic() - start

    return once


def training_step(model: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> Callable[[], float]:
    """Times forward, loss, backward and SGD of a whole step."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01, momentum=0.9)
    loss = nn.CrossEntropyLoss()

    def once() -> float:
        start = time.monotonic()
        loss(model(x), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        return time.monotonic() - start

    return once


def layer_row(channels: int, width: int, height: int) -> list[float]:
    """Backward speed-up of one convolution at each patch size."""
    plain = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1))
    x = torch.randn(BATCH_SIZE, channels, height, width, requires_grad=True)
    filtered = [GradientFilter(patch_size=p).apply(copy.deepcopy(plain)) for p in PATCH_SIZES]
    baseline, *others = median_seconds([layer_backward(model, x) for model in (plain, *filtered)])
    return [baseline / other for other in others]


def step_row() -> list[float]:
    """Whole-step speed-up of resnet18 with its last four convolutions trained, as in the demo."""
    board = Board(Path("cache"), Path("datasets"), Path("weights"))  # a random start reads none of them
    model = build_model("resnet18", classes=10, seed=0, board=board).to(memory_format=torch.channels_last).eval()
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    for module in model.modules():
        trained = module in convolutions[-4:] or isinstance(module, nn.Linear)
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad = trained
    x = torch.randn(16, 3, 128, 128).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (16,))
    filtered = [GradientFilter(patch_size=p, last=4).apply(copy.deepcopy(model)) for p in PATCH_SIZES]
    baseline, *others = median_seconds([training_step(m, x, labels) for m in (model, *filtered)])
    return [baseline / other for other in others]


def main() -> None:
    """Print the table, dated and with the machine."""
    now = datetime.now(timezone.utc).date()
    print(f"{now}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{'speed-up over plain training, measured':52s}" + "".join(f"patch {p:<8d}" for p in PATCH_SIZES))
    for shape in SHAPES:
        name = f"layer backward, {shape[0]} channels, {shape[1]}x{shape[2]}, batch {BATCH_SIZE}"
        print(f"{name:52s}" + "".join(f"{ratio:<14.1f}" for ratio in layer_row(*shape)), flush=True)
    print(
        f"{'whole step, resnet18 128x128, last 4, batch 16':52s}" + "".join(f"{ratio:<14.2f}" for ratio in step_row())
    )


if __name__ == "__main__":
    main()
