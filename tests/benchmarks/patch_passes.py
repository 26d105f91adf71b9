"""What the passes over maps take beside a plain copy of as many bytes, on this machine.

    make bench

Ratios within one run: the pass and its yardstick take turns on the same maps, and each figure is the median of the
rounds. Pooling and upsampling are held against a copy that reads and writes as many bytes as they do, both into fresh
memory; the fused forward pass against PyTorch's own BatchNorm and activation without gradients.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from gradfilter.filtering.passes import Activation, Normal, Wanted, activate, batch_statistics
from gradfilter.filtering.patches import PatchAxis, PatchGrid
from tests.benchmarks.turns import median_seconds, print_machine

ROUNDS = 9
BATCH_SIZE = 32
# Channels, width and height of the published latency cases.
SHAPES = ((128, 120, 160), (256, 60, 80), (512, 30, 40), (512, 14, 14), (256, 14, 14), (128, 28, 28), (64, 56, 56))
PATCH_SIZES = (2, 4)
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
WANTED = {"evaluation": Wanted(slope=True, slope_normal=True), "training": Wanted(True, True, normal=True)}  # noqa: FBT003


def copy_of(elements: int) -> Callable[[], torch.Tensor]:
    """Copies so many elements into fresh memory, in parallel as torch does it."""
    source = torch.randn(elements)
    return lambda: torch.empty_like(source).copy_(source)


def grid_of(width: int, height: int, patch: int) -> PatchGrid:
    return PatchGrid(PatchAxis(height, patch, -(-height // patch)), PatchAxis(width, patch, -(-width // patch)))


def pooling_row(shape: tuple[int, int, int], patch: int, layout: torch.memory_format) -> list[float]:
    """How many times longer than a copy of the same bytes averaging takes, and spreading."""
    channels, width, height = shape
    grid = grid_of(width, height, patch)
    maps = torch.randn(BATCH_SIZE, channels, height, width).contiguous(memory_format=layout)
    values = grid.averages(maps)
    copy = copy_of((maps.numel() + values.numel()) // 2)
    ours, spread, plain = median_seconds(
        [lambda: grid.averages(maps), lambda: grid.spread(values, layout), copy], ROUNDS
    )
    return [ours / plain, spread / plain]


def activating_row(shape: tuple[int, int, int], patch: int, layout: torch.memory_format) -> list[float]:
    """The fused pass as a multiple of BatchNorm and ReLU, with the running statistics and with the batch's."""
    channels, width, height = shape
    grid = grid_of(width, height, patch)
    y = torch.randn(BATCH_SIZE, channels, height, width).contiguous(memory_format=layout)
    mean, variance, weight, bias = (
        torch.zeros(channels),
        torch.ones(channels),
        torch.ones(channels),
        torch.zeros(channels),
    )

    def fused_evaluation() -> object:
        normal = Normal(mean, (variance + 1e-5).rsqrt(), weight, bias)
        return activate(y, normal, None, None, Activation("relu"), grid, WANTED["evaluation"])

    def fused_training() -> object:
        normal = Normal(*batch_statistics(y, (mean, variance), 0.1, 1e-5), weight, bias)
        return activate(y, normal, None, None, Activation("relu"), grid, WANTED["training"])

    def plain(training: bool) -> object:
        return F.batch_norm(y, mean.clone(), variance.clone(), weight, bias, training).relu_()

    times = median_seconds([fused_evaluation, lambda: plain(False), fused_training, lambda: plain(True)], ROUNDS)  # noqa: FBT003
    return [times[0] / times[1], times[2] / times[3]]


def main() -> None:
    """Print the table, dated and with the machine."""
    print_machine()
    columns = ("pooling", "upsampling", "activate", "with statistics")
    print(f"{'a pass beside its yardstick, measured':52s}" + "".join(f"{name:<16s}" for name in columns))
    with torch.no_grad():
        for shape in SHAPES:
            for name, layout in LAYOUTS.items():
                for patch in PATCH_SIZES:
                    row = pooling_row(shape, patch, layout) + activating_row(shape, patch, layout)
                    label = f"{shape[0]} channels, {shape[1]}x{shape[2]}, {name}, patch {patch}"
                    print(f"{label:52s}" + "".join(f"{ratio:<16.2f}" for ratio in row), flush=True)


if __name__ == "__main__":
    main()
