"""Costs by formula: hand cases, SCALE-Sim's golden figures, and what a schedule can never be."""

import pytest

from gradfilter.systolic.array import Array, interleaved_cycles, output_stationary_cycles, weight_stationary_cycles
from gradfilter.systolic.products import LayerWork, Product
from gradfilter.systolic.schedules import SCHEDULES, backward_cost, forward_cost, interleaved, weight_stationary


def work(m, k, n, **options):
    product = Product(m, k, n)
    return LayerWork("layer", product, product, **{"wants_input": True, "wants_weight": True, **options})


def test_one_cell():
    """1×1, M = K = N = 1: weight-stationary 2, output-stationary 1, interleaved 3."""
    one = Array(1, 1)
    assert (2, 1, 3) == (
        weight_stationary_cycles(one, 1, 1, 1),
        output_stationary_cycles(one, 1, 1, 1),
        interleaved_cycles(one, 1, 1, 1),
    )


def test_two_by_two():
    """M, K, N = 2, 4, 3 on 2×2: dW 16 and dX 24, 40 in sum; interleaved 32, or 40 with the drain by itself."""
    array = Array(2, 2)
    assert 16 == output_stationary_cycles(array, 4, 3, 2)
    assert 24 == weight_stationary_cycles(array, 3, 4, 2)
    assert 40 == backward_cost(array, work(2, 4, 3), "ws+os").cycles
    assert 32 == backward_cost(array, work(2, 4, 3), "intergrad").cycles
    assert 40 == interleaved_cycles(array._replace(overlap_drain=False), 2, 4, 3)


def test_scale_sim_golden_figures():
    """AlexNet's first convolution, 32×32, weight-stationary: SCALE-Sim v2 reports its last cycle, counted from 0."""
    array = Array(32, 32)
    cost = weight_stationary(array, reduction=363, columns=96, stream=3025)
    assert 112283 + 1 == cost.cycles
    assert 3294225 + 34848 == cost.reads
    assert 3484800 == cost.writes
    assert 36 == array.folds(363, 96)
    assert 0.91683 == pytest.approx(cost.utilisation(array), abs=1e-5)
    assert 0.9453 == pytest.approx(363 * 96 / (36 * array.cells), abs=5e-5)


@pytest.mark.parametrize(
    ("shape", "size", "cycles", "gains", "memory"),
    [
        ((2, 4, 3), 2, 32, (1.25, 1.188, 0.812), 1.18),
        ((1, 1024, 1024), 32, 98304, (1.646, 1.354, 1.010), 1.015),
        ((8, 1024, 1024), 32, 112640, (1.564, 1.245, 0.945), 1.091),
        ((32, 1024, 1024), 32, 161792, (1.392, 1.019, 0.810), 1.200),
        ((256, 4096, 4096), 128, 915456, (1.284, 1.027, 0.875), 1.250),
        ((1568, 4608, 512), 32, 7441920, (1.019, 1.010, 1.049), 1.329),
        ((25088, 1152, 128), 128, 455022, (1.005, 1.165, 1.982), 1.332),
    ],
    ids=str,
)
def test_interleaving_beside_every_baseline(shape, size, cycles, gains, memory):
    """Cycles of each baseline over interleaved, and words moved: the gain is cycles where M is small, else memory."""
    array = Array(size, size)
    costs = {name: backward_cost(array, work(*shape), name) for name in SCHEDULES}
    ours = costs["intergrad"]
    assert cycles == ours.cycles
    for name, gain in zip(("ws+os", "ws+ws", "os+os"), gains):
        assert gain == pytest.approx(costs[name].cycles / ours.cycles, abs=1e-3)
    unfused = costs["ws+os"]
    assert memory == pytest.approx((unfused.reads + unfused.writes) / (ours.reads + ours.writes), abs=5e-3)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 3), (100, 64, 64)], ids=str)
def test_every_schedule_does_the_same_work(name, shape):
    """Both products are 2 M K N multiplications, no cell works more than once a cycle, best_of is never worse."""
    array = Array(8, 4)
    cost = backward_cost(array, work(*shape), name)
    m, k, n = shape
    assert 2 * m * k * n == cost.macs
    assert 0 < cost.utilisation(array) == cost.macs / (cost.cycles * 32) <= 1
    assert backward_cost(array, work(*shape), "best_of").cycles <= cost.cycles


def test_a_product_without_its_partner_is_not_interleaved():
    """The first layer needs no dX, a frozen one no dW: each then runs alone, and neither where both are not wanted."""
    array = Array(4, 4)
    assert backward_cost(array, work(9, 8, 8, wants_input=False), "intergrad").cycles == output_stationary_cycles(
        array, 8, 8, 9
    )
    assert backward_cost(array, work(9, 8, 8, wants_weight=False), "intergrad").cycles == weight_stationary_cycles(
        array, 8, 8, 9
    )
    assert 0 == backward_cost(array, work(9, 8, 8, wants_input=False, wants_weight=False), "os+os").cycles


def test_groups_are_products_by_themselves():
    """A depthwise layer is many small products: the array is nearly idle, and the number says so."""
    array = Array(32, 32)
    depthwise = LayerWork("d", Product(100, 9, 1, 64), Product(100, 9, 1, 64), wants_input=True, wants_weight=True)
    cost = forward_cost(array, depthwise, "ws")
    assert cost.cycles == 64 * weight_stationary_cycles(array, 9, 1, 100)
    assert cost.utilisation(array) < 0.01


def test_a_larger_array_can_take_longer():
    """Cycles fall with the array at whole multiples; in between, an array larger than the product only fills slower."""
    assert interleaved_cycles(Array(8, 8), 2, 8, 8) < interleaved_cycles(Array(4, 4), 2, 8, 8)
    assert interleaved_cycles(Array(12, 12), 2, 8, 8) > interleaved_cycles(Array(8, 8), 2, 8, 8)


def test_interleaving_reads_each_output_gradient_once_per_fold():
    """dY: M N ⌈K/R⌉ words instead of twice that."""
    array = Array(4, 4)
    ours, unfused = interleaved(array, 10, 8, 4), backward_cost(array, work(10, 8, 4), "ws+os")
    assert 10 * 4 * 2 == unfused.reads - ours.reads
