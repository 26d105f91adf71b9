"""One layer's backward pass: the seven published shapes, filtered against PyTorch's own.

    make bench

Plain and filtered take turns on the same tensors, and figures are medians. Beside each speed-up stands the roofline:
the share of the filtered time that the machine needs at least, for the matrix products at the rate of a large one, and
for reading dy and the weight and writing their partners at the bandwidth of a copy. A layer's speed-up is not that of
a training step (training_step.py).
"""

from __future__ import annotations

import copy
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from gradfilter.methods import GradientFilter
from tests.benchmarks.turns import Rates, machine_rates, median_seconds, print_machine

ROUNDS = 3
BATCH_SIZE = 32
# Channels, width and height of the published latency cases (3x3, stride 1, padding 1).
SHAPES = ((128, 120, 160), (256, 60, 80), (512, 30, 40), (512, 14, 14), (256, 14, 14), (128, 28, 28), (64, 56, 56))
PATCH_SIZES = (2, 4)
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def backward(layer: nn.Module, x: torch.Tensor, dy: torch.Tensor) -> Callable[[], float]:
    """Times the backward pass of one convolution, input gradient included."""

    def once() -> float:
        x.grad = None
        layer.zero_grad()
        y = layer(x)
        start = time.monotonic()
        y.backward(dy)
        return time.monotonic() - start

    return once


def least_seconds(shape: tuple[int, int, int], patch: int, rates: Rates) -> float:
    """What the filtered backward pass takes at the machine's rates."""
    channels, width, height = shape
    patches = BATCH_SIZE * -(-width // patch) * -(-height // patch)
    operations = 2 * 2 * channels * channels * patches
    moved = 4 * (2 * BATCH_SIZE * channels * width * height + 3 * channels * patches + 2 * 9 * channels * channels)
    return operations / rates.operations_per_s + moved / rates.bytes_per_s


def row(shape: tuple[int, int, int], layout: torch.memory_format) -> list[float]:
    """Seconds of the plain backward pass, and of the filtered one at each patch size."""
    channels, width, height = shape
    plain = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1)).to(memory_format=layout)
    x = torch.randn(BATCH_SIZE, channels, height, width).contiguous(memory_format=layout).requires_grad_()
    dy = torch.randn(BATCH_SIZE, channels, height, width).contiguous(memory_format=layout)
    filtered = [GradientFilter(patch_size=p, fuse=False).apply(copy.deepcopy(plain)) for p in PATCH_SIZES]
    return median_seconds([backward(model, x, dy) for model in (plain, *filtered)], ROUNDS)


def main(layouts: list[str]) -> None:
    """Print the tables, dated and with the machine."""
    print_machine()
    rates = machine_rates()
    print(rates)
    for name in layouts:
        print(f"{f'layer backward, {name}, batch {BATCH_SIZE}, measured':46s}patch 2  roofline   patch 4  roofline")
        speed_ups: list[list[float]] = [[], []]
        for shape in SHAPES:
            plain, *filtered = row(shape, LAYOUTS[name])
            cells = ""
            for at, (patch, seconds) in enumerate(zip(PATCH_SIZES, filtered, strict=True)):
                speed_ups[at].append(plain / seconds)
                cells += f"{plain / seconds:7.1f}{least_seconds(shape, patch, rates) / seconds:9.0%}  "
            print(f"  {f'{shape[0]} channels, {shape[1]}x{shape[2]}':44s}{cells}", flush=True)
        means = [statistics.geometric_mean(values) for values in speed_ups]
        print(f"  {'geometric mean':44s}" + "".join(f"{mean:7.1f}{'':11s}" for mean in means), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(LAYOUTS))
