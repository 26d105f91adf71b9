"""The slow reference of every pass: pixel by pixel and patch by patch, in Python's own floats."""

import math
from itertools import product
from math import inf, pi, sqrt

import numpy as np
import pytest
import torch

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gelu_tanh_slope(z):
    t, inner = np.tanh(sqrt(2 / pi) * (z + 0.044715 * z**3)), sqrt(2 / pi) * (1 + 3 * 0.044715 * z**2)
    return 0.5 * (1 + t) + 0.5 * z * (1 - t**2) * inner


# kind → (value, derivative), both of (z, parameter)
ACTIVATIONS = {
    "identity": (lambda z, _: z, lambda z, _: np.ones_like(z)),
    "relu": (lambda z, _: np.maximum(z, 0), lambda z, _: 1.0 * (z > 0)),
    "relu6": (lambda z, _: np.clip(z, 0, 6), lambda z, _: 1.0 * ((z > 0) & (z < 6))),
    "leaky_relu": (lambda z, s: np.where(z > 0, z, s * z), lambda z, s: np.where(z > 0, 1, s)),
    "silu": (lambda z, _: z * sigmoid(z), lambda z, _: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    "gelu": (
        lambda z, _: z * 0.5 * (1 + erf(z / sqrt(2))),
        lambda z, _: 0.5 * (1 + erf(z / sqrt(2))) + z * np.exp(-z * z / 2) / sqrt(2 * pi),
    ),
    "gelu_tanh": (
        lambda z, _: 0.5 * z * (1 + np.tanh(sqrt(2 / pi) * (z + 0.044715 * z**3))),
        lambda z, _: gelu_tanh_slope(z),
    ),
    "hardswish": (
        lambda z, _: z * np.clip(z + 3, 0, 6) / 6,
        lambda z, _: np.where(z <= -3, 0, np.where(z >= 3, 1, z / 3 + 0.5)),
    ),
    "hardsigmoid": (lambda z, _: np.clip(z / 6 + 0.5, 0, 1), lambda z, _: (abs(z) < 3) * 0.1666666716337204),
}


class Reference:
    """The passes from their definitions; arrays in, arrays of float64 out."""

    activations = ACTIVATIONS

    @staticmethod
    def array(tensor):
        return tensor.detach().double().numpy()

    @staticmethod
    def distance(expected, got):
        """The norm of the difference as a share of what was expected."""
        expected, got = torch.as_tensor(expected).double(), got.double()
        assert expected.shape == got.shape
        return float((expected - got).norm()) / max(float(expected.norm()), 1e-30)

    @staticmethod
    def averages(maps, grid):
        rows, columns = (np.cumsum([0, *axis.sizes()]) for axis in grid)
        out = np.zeros((*maps.shape[:2], grid.rows.patches, grid.columns.patches))
        for i, j in product(range(grid.rows.patches), range(grid.columns.patches)):
            patch = maps[:, :, rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            out[:, :, i, j] = patch.sum((2, 3)) / grid.area
        return out

    @staticmethod
    def spread(values, grid):
        rows, columns = (np.repeat(np.arange(axis.patches), axis.sizes()) for axis in grid)
        return values[:, :, rows][:, :, :, columns]

    def normalised(self, y, normal):
        """(x̂, weight · x̂ + bias)."""
        if normal is None:
            return y, y
        mean, rstd, weight, bias = (self.array(numbers)[:, None, None] for numbers in normal)
        x = (y - mean) * rstd
        return x, x * weight + bias

    def activate(self, y, normal, addend, addend_normal, activation, grid):  # noqa: PLR0917
        """(a, six averages in the order of Wanted)."""
        x, z = self.normalised(y, normal)
        x2, z2 = self.normalised(np.zeros_like(y) if addend is None else addend, addend_normal)
        z = z if addend is None else z + z2
        a, slope = (f(z, activation.parameter) for f in ACTIVATIONS[activation.kind])
        return [a, *(self.averages(maps, grid) for maps in (slope, slope * x, slope * x2, x, x2, a))]

    @staticmethod
    def let_through(maps, limit=inf):
        return (maps > 0) & (maps < limit)

    def max_pool(self, y, normal, kind, numbers):
        """(output, index, x̂ at the maximum), one place of the windows after another."""
        window, stride, padding = numbers
        x, z = self.normalised(y, normal)
        a, slope = (f(z, 0) for f in ACTIVATIONS[kind])
        sizes = [(y.shape[2 + i] + 2 * padding[i] - window[i]) // stride[i] + 1 for i in (0, 1)]
        output, index, normal_at = (np.zeros((*y.shape[:2], *sizes)) for _ in range(3))
        for i, j in product(*map(range, sizes)):
            best = np.full(y.shape[:2], -inf)
            for k, (u, v) in enumerate(product(range(window[0]), range(window[1]))):
                row, column = i * stride[0] - padding[0] + u, j * stride[1] - padding[1] + v
                if 0 <= row < y.shape[2] and 0 <= column < y.shape[3]:
                    more = a[:, :, row, column] > best
                    best = np.where(more, a[:, :, row, column], best)
                    place = np.where(slope[:, :, row, column] != 0, k, 255)
                    index[:, :, i, j] = np.where(more, place, index[:, :, i, j])
                    normal_at[:, :, i, j] = np.where(more, x[:, :, row, column], normal_at[:, :, i, j])
            output[:, :, i, j] = best
        return output, index, normal_at

    @staticmethod
    def unpool(gradient, index, numbers, size):
        window, stride, padding = numbers
        full = np.zeros((*gradient.shape[:2], *size))
        for n, c, i, j in product(*map(range, gradient.shape)):
            u, v = divmod(int(index[n, c, i, j]), window[1])
            if index[n, c, i, j] != 255:
                full[n, c, i * stride[0] - padding[0] + u, j * stride[1] - padding[1] + v] += gradient[n, c, i, j]
        return full


@pytest.fixture(scope="session")
def reference():
    return Reference()


@pytest.fixture(params=FORMATS.values(), ids=FORMATS.keys())
def layout(request):
    return request.param
