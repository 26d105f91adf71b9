"""What a filtered training step takes if nothing but arithmetic and memory costs time, at this machine's own rates.

Modelled: operations at the rate of a large matrix product, plus bytes at the bandwidth of a copy, every map read and
written in full. Convolutions read their input and write their output; statistics read that once, the activation reads
and writes it. What a step keeps for its backward pass is written once and read once, and so are the gradients on patch
grids. Maps that stay in the caches cost less than this, so it is no strict bound: it says what memory and arithmetic
account for, and so how much of a step is left to save in calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from gradfilter.inspection import counting_saved_bytes
from tests.benchmarks.training_step import Training
from tests.benchmarks.turns import Rates

_FLOAT = 4  # bytes


class Work(NamedTuple):
    """Operations, and bytes moved."""

    operations: int
    moved: int

    def seconds(self, rates: Rates) -> float:
        """What they take one after the other."""
        return self.operations / rates.operations_per_s + self.moved / rates.bytes_per_s


class Convolution(NamedTuple):
    """Sizes of one convolution's input and output, (N, C, H, W), and of its weight."""

    entered: torch.Size
    left: torch.Size
    weight: torch.Size

    def patches(self, patch: int) -> int:
        """Of all images together."""
        return self.left[0] * -(-self.left[2] // patch) * -(-self.left[3] // patch)


def convolutions_of(training: Training) -> list[Convolution]:
    """In the order in which they run."""
    found: list[Convolution] = []
    hooks = [
        module.register_forward_hook(lambda m, x, y: found.append(Convolution(x[0].shape, y.shape, m.weight.shape)))
        for module in training.model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    training.forward()
    for hook in hooks:
        hook.remove()
    return found


def forward_work(convolutions: Sequence[Convolution], *, statistics: bool) -> Work:
    """Convolutions, the batch's statistics or none, and activations."""
    outputs = sum(each.left.numel() for each in convolutions)
    inputs = sum(each.entered.numel() for each in convolutions)
    return Work(
        sum(2 * each.weight.numel() * each.patches(1) for each in convolutions),
        _FLOAT * (inputs + outputs * (4 if statistics else 3)),
    )


def backward_work(convolutions: Sequence[Convolution], patch: int, kept: int) -> Work:
    """Matrix products for the gradients of weights and inputs, their maps, and what was kept, in bytes; and SGD.

    The first convolution's input gets no gradient.
    """
    first, *others = convolutions
    operations = 2 * first.weight[:2].numel() * first.patches(patch)
    gradients, parameters = first.left[1] * first.patches(patch), first.weight.numel()
    for each in others:
        operations += 2 * 2 * each.weight[:2].numel() * each.patches(patch)
        gradients += (each.left[1] + each.entered[1]) * each.patches(patch)
        parameters += each.weight.numel()
    return Work(operations, 2 * kept + _FLOAT * (2 * gradients + 4 * parameters))


def kept_bytes(training: Training) -> int:
    """What one step keeps between its forward and its backward pass."""
    with counting_saved_bytes(training.model) as saved:
        training.loss()
    return saved.total
