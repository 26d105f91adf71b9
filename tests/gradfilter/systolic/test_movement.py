"""The formulas are real: values moved cell by cell give the products, in the cycles that the formulas say."""

import random
from itertools import product

import pytest
import torch
from movement import interleaved_moves, output_stationary_moves, weight_stationary_moves

from gradfilter.systolic.array import (
    Array,
    interleaved_cycles,
    output_stationary_cycles,
    weight_stationary_cycles,
)

ALL = list(product(range(1, 7), range(1, 7), range(1, 7), range(1, 5), range(1, 5)))
SAMPLE = [(1, 1, 1, 1, 1), (2, 4, 3, 2, 2), (6, 6, 6, 4, 3), *random.Random(0).sample(ALL, 12)]


def check(m, k, n, rows, columns):
    array = Array(rows, columns)
    generator = torch.Generator().manual_seed(m + 10 * k + 100 * n)
    x, w, dy = (torch.randn(size, generator=generator, dtype=torch.float64) for size in ((m, k), (k, n), (m, n)))
    forward = weight_stationary_moves(array, x, w)
    backward = output_stationary_moves(array, x.t(), dy)
    both = interleaved_moves(array, dy, x, w)
    for expected, actual in ((x @ w, forward.result), (x.t() @ dy, backward.result), (dy @ w.t(), both.dx)):
        assert torch.allclose(expected, actual, rtol=0, atol=1e-12)
    assert torch.allclose(x.t() @ dy, both.dw, rtol=0, atol=1e-12)
    assert weight_stationary_cycles(array, k, n, m) == forward.cycles
    assert output_stationary_cycles(array, k, n, m) == backward.cycles
    assert interleaved_cycles(array, m, k, n) == both.cycles
    assert m * n * -(-k // rows) == both.dy_reads


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_values_that_move_take_the_cycles_of_the_formulas(case):
    """Weight- and output-stationary and interleaved: products to 1e-12, cycles exactly, dY read once per fold of K."""
    check(*case)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_all_small_products_on_all_small_arrays():
    """M, K and N up to 6 on up to 4 by 4 cells."""
    for case in ALL:
        check(*case)
