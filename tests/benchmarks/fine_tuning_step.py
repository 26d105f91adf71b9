"""The demo's whole step: resnet18 at 128×128 with its last four convolutions trained, plain against filtered.

    make bench

Everything before those four layers is a plain forward pass in both, which bounds the speed-up.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.models import build_model
from gradfilter.methods import GradientFilter
from tests.benchmarks.turns import median_seconds, print_machine

ROUNDS = 15
PATCH_SIZES = (2, 4)


def training_step(model: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    """Forward, loss, backward and SGD of a whole step."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01, momentum=0.9)
    loss = nn.CrossEntropyLoss()

    def once() -> None:
        loss(model(x), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return once


def step_row() -> list[float]:
    """The speed-up at each patch size."""
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
    baseline, *others = median_seconds([training_step(m, x, labels) for m in (model, *filtered)], ROUNDS)
    return [baseline / other for other in others]


def main() -> None:
    """Print the table, dated and with the machine."""
    print_machine()
    print(f"{'speed-up over plain training, measured':52s}" + "".join(f"patch {p:<8d}" for p in PATCH_SIZES))
    row = step_row()
    print(f"{'whole step, resnet18 128x128, last 4, batch 16':52s}" + "".join(f"{ratio:<14.2f}" for ratio in row))


if __name__ == "__main__":
    main()
