"""The model of DRAM: an operand that fits into its on-chip memory moves once, another as often as it is used."""

import pytest

from gradfilter.systolic.array import Array
from gradfilter.systolic.energy import Memory
from gradfilter.systolic.products import LayerWork, Product
from gradfilter.systolic.schedules import backward_cost, forward_cost

ARRAY = Array(4, 4)
DY, X, W = 16 * 8, 16 * 12, 12 * 8  # words of M, K, N = 16, 12, 8
FOLDS_OF_K, FOLDS_OF_N = 3, 2


def work(groups=1):
    product = Product(16, 12, 8, groups)
    return LayerWork("layer", product, product, wants_input=True, wants_weight=True)


def dram_words(cost, words_per_operand):
    return Memory(words_per_operand, 1).dram_words(cost)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (X, 2 * (DY + X + W)),
        (X - 1, 2 * (DY + FOLDS_OF_N * X + W)),  # dX is written, and X read, for every fold of N
        (DY - 1, 2 * (FOLDS_OF_K * DY + FOLDS_OF_N * X + W)),
        (W - 1, 2 * (FOLDS_OF_K * DY + FOLDS_OF_N * X + W)),  # W and dW move once anyway
    ],
)
def test_each_operand_moves_once_where_it_fits(words, expected):
    """One product after the other, three operands each, every one with a memory of its own."""
    assert expected == dram_words(backward_cost(ARRAY, work(), "ws+os"), words)


def test_interleaved_products_share_the_chip_among_five_operands():
    """What is computed at once is held at once: a memory that does for one of three is too small for one of five."""
    cost = backward_cost(ARRAY, work(), "intergrad")
    enough = X * 5 / 3
    assert DY + 2 * X + 2 * W == dram_words(cost, enough)
    assert DY + 2 * FOLDS_OF_N * X + 2 * W == dram_words(cost, enough - 1)
    assert FOLDS_OF_K * DY + 2 * FOLDS_OF_N * X + 2 * W == dram_words(cost, X)


@pytest.mark.parametrize("schedule", ["ws+os", "ws+ws", "os+os", "intergrad"])
def test_without_memory_every_use_is_a_move(schedule):
    """Words of DRAM are then those between memory and array."""
    cost = backward_cost(ARRAY, work(), schedule)
    assert cost.reads + cost.writes == dram_words(cost, 0)


@pytest.mark.parametrize("dataflow", ["ws", "os"])
def test_chip_holds_one_group_at_a_time(dataflow):
    """Groups are products by themselves: however many there are, each operand of one fits or none does."""
    cost = forward_cost(ARRAY, work(groups=32), dataflow)
    assert 32 * (DY + X + W) == dram_words(cost, X)
    assert cost.reads + cost.writes == dram_words(cost, 1)
