"""Virtual pooling: a training step and an inference timed, VGG16 and ResNet-18, and the search for layers shown.

    make bench

224×224, as multiples of the plain network's in the same run; plain and every choice of layers take turns on one
network, whose layers are pooled and given back in between. Operations are modelled. The search runs on ResNet-18 and
digits that are enlarged to 32×32, after a short training: which layers it finds belongs to that network.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.datasets import load_dataset
from gradfilter.bench.models import build_model
from gradfilter.bench.splits import hold_out
from gradfilter.inspection.step_flops import step_flops
from gradfilter.methods import VirtualPooling
from gradfilter.methods.layer_sensitivity import Search, search_layers
from tests.benchmarks.turns import median_seconds, print_machine

ROUNDS = 3  # and two to warm up: a VGG16 step takes seconds on two cores
DIGITS_SIZE = 32
BOARD = Board(Path("cache"), Path("datasets"), Path("weights"))  # a random start and the digits read none of them
CHOICES = {
    "vgg16": (1, {f"round {last}": VirtualPooling(preset=f"vgg16-round-{last}") for last in (1, 4)}),
    "resnet18": (
        8,
        {
            "layer1, layer2": VirtualPooling(layers=["layer1.*.conv?", "layer2.*.conv?"]),
            "every block": VirtualPooling(layers=["layer?.*.conv?"]),
        },
    ),
}


def training_step(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> None:
    """Forward, loss, backward and SGD."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    nn.functional.cross_entropy(model(images), labels).backward()
    optimizer.step()
    optimizer.zero_grad()


def inference(model: nn.Module, images: torch.Tensor, _: torch.Tensor) -> None:
    """A forward pass without gradients."""
    with torch.no_grad():
        model(images)


@contextmanager
def pooled(model: nn.Module, method: VirtualPooling) -> Iterator[None]:
    """The network with its layers pooled, for a while."""
    method.apply(model)
    try:
        yield
    finally:
        method.remove(model)


def operations(model: nn.Module) -> int:
    """The network's operations for one image, forward and backward."""
    total = step_flops(model, lambda network: network(torch.zeros(1, 3, 224, 224)).sum()).total
    return total.forward + total.backward


Side = Callable[[], AbstractContextManager[None]]  # within it the network is plain, or its layers are pooled


class Gains(NamedTuple):
    """How many times less there is to compute, and how many times faster a step and an inference are."""

    operations: float
    step: float
    inference: float


def gains(model: nn.Module, choices: dict[str, VirtualPooling], batch: int) -> dict[str, Gains]:
    """What each choice of layers gains over the plain network."""
    images, labels = torch.randn(batch, 3, 224, 224), torch.randint(0, 10, (batch,))
    sides: list[Side] = [nullcontext, *(partial(pooled, model, method) for method in choices.values())]

    def count(side: Side) -> float:
        with side():
            return operations(model)

    def take_turn(side: Side, action: Callable[..., None]) -> None:
        with side():
            action(model, images, labels)

    def seconds(action: Callable[..., None]) -> list[float]:
        return median_seconds([partial(take_turn, side, action) for side in sides], ROUNDS)

    costs = ([count(side) for side in sides], seconds(training_step), seconds(inference))
    ratios = [[plain / other for other in others] for plain, *others in costs]
    return dict(zip(choices, map(Gains, *ratios), strict=True))


class Digits:
    """A network's training and accuracy on the digits, a fifth of them held out."""

    def __init__(self) -> None:
        data = load_dataset("digits", BOARD)
        self._load = partial(data.load, image_size=DIGITS_SIZE)
        self._split = hold_out(range(len(data.labels())), seed=0)
        self._shuffle = random.Random(0)

    def accuracy(self, model: nn.Module) -> float:
        """On the digits held out, in evaluation."""
        images, labels = self._load(self._split.test)
        with torch.no_grad():
            return float((model.eval()(images).argmax(1) == labels).float().mean())

    def train(self, model: nn.Module, steps: int, rate: float) -> None:
        """Some steps of SGD on batches of 32, in place."""
        optimizer = torch.optim.SGD(model.train().parameters(), lr=rate, momentum=0.9)
        for _ in range(steps):
            images, labels = self._load(self._shuffle.sample(self._split.train, 32))
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()


def found_layers() -> Search:
    """The search among the block's 3×3 convolutions, on a network that was trained for a moment."""
    model, digits = build_model("resnet18", classes=10, seed=0, board=BOARD), Digits()
    digits.train(model, 100, 0.02)
    names = [name for name, module in model.named_modules() if ".conv" in name and isinstance(module, nn.Conv2d)]
    fine_tune = partial(digits.train, steps=15, rate=0.005)
    return search_layers(model, digits.accuracy, fine_tune, names=names, most_drop=0.015, per_round=4)


def print_search(search: Search) -> None:
    """What each layer costs alone, and the rounds."""
    print(f"accuracy of the plain network {search.accuracy:.1%}; each layer alone, without training, costs [points]")
    for layer in search.sensitivities:
        print(f"    {layer.name:18s}{100 * layer.drop:>6.1f}")
    for number, turn in enumerate(search.rounds, 1):
        verdict = "kept" if turn.kept else "taken back"
        print(f"round {number}: {len(turn.layers)} layers, {turn.accuracy:.1%} after fine-tuning, {verdict}")


def main() -> None:
    """Print both tables, dated and with the machine."""
    print_machine()
    headings = ("operations, modelled", "step, measured", "inference, measured")
    print(f"{'times less or faster than the plain network':44s}" + "".join(f"{heading:<22s}" for heading in headings))
    for name, (batch, choices) in CHOICES.items():
        model = build_model(name, classes=10, seed=0, board=BOARD).eval()
        for choice, gained in gains(model, choices, batch).items():
            cells = "".join(f"{gain:<22.2f}" for gain in gained)
            print(f"{f'{name}, {choice}, batch {batch}':44s}{cells}")
    print_search(found_layers())


if __name__ == "__main__":
    main()
