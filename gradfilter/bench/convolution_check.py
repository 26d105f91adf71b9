"""Convolutions, forward and backward, beside plain loops: does this Python's torch compute on this board?

    python -m gradfilter.bench.convolution_check

One line of JSON per kind of compute; exit status 1 where an answer is wrong. Some releases of torch hold instructions
that some processors lack: the process is then ended by SIGILL, which is an answer too.
Images, weights and gradients are small whole numbers, so the right answers are whole numbers which float32 holds
exactly, in whatever order an implementation adds them up.
"""

import itertools
import json
import sys
from typing import List, Tuple

import torch
from torch import Tensor
from torch.nn import functional

from gradfilter.bench.decoding import encode
from gradfilter.bench.schema import ConvolutionCheck

# Kernel and stride: torch has code of its own for strides, and makes a 1x1 kernel a product of matrices.
_LAYERS = ((3, 2), (1, 1))
_BATCH, _CHANNELS, _OUT_CHANNELS, _SIZE = 2, 16, 8, 12
# Implementations that transform their input (Winograd's) round; a wrong answer misses by a whole number.
_TOLERANCE = 0.01


def main() -> int:
    """Check every kind of compute that torch offers here, and print what came of it; the exit status."""
    checks = check_convolutions()
    for check in checks:
        sys.stdout.write(json.dumps(encode(check), allow_nan=False) + "\n")
    return int(not all(check.correct for check in checks))


def check_convolutions() -> List[ConvolutionCheck]:
    """What convolutions give on the processor and, where torch sees one, on the GPU."""
    return [check_convolution(compute) for compute in ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])]


def check_convolution(compute: str) -> ConvolutionCheck:
    """What convolutions give on one kind of compute; a failure of torch's is a wrong answer with its words."""
    try:
        errors = [_errors(kernel, stride, compute) for kernel, stride in _LAYERS]
    except RuntimeError as raised:  # among others: no kernel image for this GPU
        return ConvolutionCheck(compute, correct=False, error=str(raised).strip().split("\n")[0])
    largest = float(torch.cat(errors).max())
    if largest != largest:  # noqa: PLR0124 (not a number)
        return ConvolutionCheck(compute, correct=False, error="an answer is not a number")
    error = "" if largest <= _TOLERANCE else "an answer is off by %g" % largest
    return ConvolutionCheck(compute, correct=not error, largest_error=largest, error=error)


def _errors(kernel: int, stride: int, compute: str) -> Tensor:
    """How far output and gradients of one layer are off, three values."""
    generator = torch.Generator().manual_seed(kernel)

    def whole_numbers(*shape: int) -> Tensor:
        return torch.randint(-3, 4, shape, generator=generator).float()

    size = _SIZE // stride
    images = whole_numbers(_BATCH, _CHANNELS, _SIZE, _SIZE)
    weight = whole_numbers(_OUT_CHANNELS, _CHANNELS, kernel, kernel)
    gradient = whole_numbers(_BATCH, _OUT_CHANNELS, size, size)
    ours = [tensor.to(compute).requires_grad_() for tensor in (images, weight)]
    output = functional.conv2d(ours[0], ours[1], stride=stride, padding=kernel // 2)
    computed = (output.detach(), *torch.autograd.grad(output, ours, gradient.to(compute)))
    expected = convolve_in_loops(images, weight, gradient, stride)
    return torch.stack([(one.cpu() - other).abs().max() for one, other in zip(computed, expected)])


def convolve_in_loops(images: Tensor, weight: Tensor, gradient: Tensor, stride: int) -> Tuple[Tensor, Tensor, Tensor]:
    """A convolution padded by half its kernel, by its definition: output, gradient of images, gradient of weight.

    images: (N, C, H, W); weight: (K, C, k, k); gradient: of the output, (N, K, H/stride, W/stride).
    """
    (batch, channels, height, width), (outputs, _, kernel, _) = images.shape, weight.shape
    x, w, g = images.tolist(), weight.tolist(), gradient.tolist()
    y, to_x, to_w = (torch.zeros(tensor.shape).tolist() for tensor in (gradient, images, weight))
    places = [range(count) for count in (batch, outputs, len(g[0][0]), len(g[0][0][0]))]
    taps = [range(channels), range(kernel), range(kernel)]
    for (n, k, i, j), (c, a, b) in itertools.product(itertools.product(*places), itertools.product(*taps)):
        row, column = i * stride + a - kernel // 2, j * stride + b - kernel // 2
        if 0 <= row < height and 0 <= column < width:
            y[n][k][i][j] += w[k][c][a][b] * x[n][c][row][column]
            to_x[n][c][row][column] += w[k][c][a][b] * g[n][k][i][j]
            to_w[k][c][a][b] += x[n][c][row][column] * g[n][k][i][j]
    return torch.tensor(y), torch.tensor(to_x), torch.tensor(to_w)


if __name__ == "__main__":
    sys.exit(main())
