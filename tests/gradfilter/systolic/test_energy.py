"""The model of DRAM: products that run one after the other need the chip one at a time."""

import pytest

from gradfilter.systolic.array import Array
from gradfilter.systolic.energy import Memory
from gradfilter.systolic.products import LayerWork, Product
from gradfilter.systolic.schedules import backward_cost, forward_cost

ARRAY = Array(4, 4)
ONE_PRODUCT = 16 * 12 + 12 * 8 + 16 * 8  # words of M, K, N = 16, 12, 8: X or dX, W or dW, and dY
INTERLEAVED = ONE_PRODUCT + 16 * 12 + 12 * 8  # dY is there once, the others twice


def work(groups=1):
    product = Product(16, 12, 8, groups)
    return LayerWork("layer", product, product, wants_input=True, wants_weight=True)


def dram_words(cost, words_on_chip):
    return Memory(words_on_chip / 3, 1).dram_words(cost)


@pytest.mark.parametrize("schedule", ["ws+os", "ws+ws", "os+os"])
def test_chip_holds_one_product_of_a_pair_at_a_time(schedule):
    """Room for one of the two is enough for every word to be moved once in each; a word less is not."""
    cost = backward_cost(ARRAY, work(), schedule)
    assert 2 * ONE_PRODUCT == dram_words(cost, ONE_PRODUCT)
    assert cost.reads + cost.writes == dram_words(cost, ONE_PRODUCT - 1) > 2 * ONE_PRODUCT


def test_interleaved_products_are_on_the_chip_together():
    """What is computed at once must fit at once: the room of one product is too little."""
    cost = backward_cost(ARRAY, work(), "intergrad")
    assert INTERLEAVED == dram_words(cost, INTERLEAVED)
    assert cost.reads + cost.writes == dram_words(cost, INTERLEAVED - 1) > INTERLEAVED


@pytest.mark.parametrize("dataflow", ["ws", "os"])
def test_chip_holds_one_group_at_a_time(dataflow):
    """Groups are products by themselves: however many there are, each fits or none does."""
    cost = forward_cost(ARRAY, work(groups=32), dataflow)
    assert 32 * ONE_PRODUCT == dram_words(cost, ONE_PRODUCT)
    assert cost.reads + cost.writes == dram_words(cost, ONE_PRODUCT - 1)
