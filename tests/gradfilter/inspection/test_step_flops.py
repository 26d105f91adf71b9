"""Operations by formula against sums done by hand, and against torch's own counter."""

import pytest
import torch
from torch import nn

from gradfilter.filtering import FilteredConv2d
from gradfilter.inspection.layer_flops import Flops
from gradfilter.inspection.step_flops import BY_COUNTER, BY_FORMULA, step_flops
from gradfilter.methods import GradientFilter


def flops(layer, shape, *, input_gradient=True):
    """Of a bare layer, whose name is empty."""
    x = torch.rand(shape, requires_grad=input_gradient)
    return step_flops(layer, lambda model: model(x).sum())


# Each line spells out twice the images times the outputs times the products of one output.
PLAIN = [
    (nn.Conv2d(3, 5, 3, padding=1), (2, 3, 8, 6), 2 * 2 * (5 * 8 * 6) * (3 * 9)),
    (nn.Conv2d(3, 5, 3, stride=2, padding=1), (2, 3, 8, 6), 2 * 2 * (5 * 4 * 3) * (3 * 9)),
    (nn.Conv2d(3, 5, (1, 3), dilation=2), (1, 3, 8, 6), 2 * (5 * 8 * 2) * (3 * 3)),
    (nn.Conv2d(4, 6, 3, groups=2), (2, 4, 8, 6), 2 * 2 * (6 * 6 * 4) * (2 * 9)),
    (nn.Conv2d(4, 4, 3, groups=4), (2, 4, 8, 6), 2 * 2 * (4 * 6 * 4) * 9),
    (nn.Linear(7, 3), (4, 5, 7), 2 * 20 * 3 * 7),
]


@pytest.mark.parametrize(("layer", "shape", "forward"), PLAIN, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("input_gradient", [True, False])
def test_plain_layer_costs_as_much_per_gradient_as_forward(layer, shape, forward, input_gradient):
    """Forward by hand; backward the same for the weight, and once more for the input where it is asked for."""
    step = flops(layer, shape, input_gradient=input_gradient)
    assert Flops(forward, forward * (2 if input_gradient else 1)) == step.layers[""]
    assert step.layers[""] == step.total


# torch counts the weight gradient of a grouped convolution as if it had no groups, so that those are left out.
@pytest.mark.parametrize(("layer", "shape", "forward"), PLAIN[:3] + PLAIN[5:], ids=lambda value: str(value)[:30])
def test_formulas_agree_with_torchs_counter(layer, shape, forward):
    """torch.utils.flop_counter, as it stands, counts what the formulas say."""
    counter = pytest.importorskip("torch.utils.flop_counter", reason="this torch has no flop counter")
    with counter.FlopCounterMode(display=False) as counted:
        layer(torch.rand(shape, requires_grad=True)).sum().backward()
    step = flops(layer, shape)
    assert forward == step.layers[""].forward
    assert counted.get_total_flops() == forward + step.layers[""].backward


# 2 images of 12 by 8 outputs are 192 pixels, and with patch size 4 they are 12 patches.
FILTERED = {
    "standard": ({"in_channels": 3, "out_channels": 5}, 192 * 3, 192 * 5 + 2 * (2 * 15 * 12) + 15 * 8),
    "groups": ({"in_channels": 4, "out_channels": 6, "groups": 2}, 192 * 4, 192 * 6 + 2 * (2 * 12 * 12) + 12 * 8),
    "depthwise": ({"in_channels": 4, "out_channels": 4, "groups": 4}, 192 * 4, 192 * 4 + 3 * 4 * 12 + 4 * 8),
    "distant taps": (
        {"in_channels": 3, "out_channels": 5, "dilation": 4, "padding": 4},
        192 * 3,
        192 * 5 + 2 * 15 * 12 + 2 * 15 * 9 * 12,
    ),
}


@pytest.mark.parametrize(("numbers", "sums", "backward"), FILTERED.values(), ids=FILTERED.keys())
def test_filtered_layer_costs_what_the_formulas_say(numbers, sums, backward):
    """Forward the convolution and the sums of x; backward the means of dy, the products, the sums over taps."""
    layer = FilteredConv2d(kernel_size=3, patch_size=4, **{"padding": 1, **numbers})
    plain = 2 * 192 * layer.out_channels * layer.in_channels // layer.groups * 9
    step = flops(layer, (2, layer.in_channels, 12, 8))
    assert Flops(plain + sums, backward) == step.layers[""] == step.total


def test_gradients_that_nobody_asks_for_cost_nothing():
    """A filtered layer with a frozen weight keeps no sums of x; without any gradient it is a plain forward pass."""
    layer = FilteredConv2d(3, 5, 3, padding=1, patch_size=4)
    plain = 2 * 192 * 5 * 27
    layer.weight.requires_grad = False
    assert Flops(plain, 192 * 5 + 2 * 15 * 12 + 15 * 8) == flops(layer, (2, 3, 12, 8)).layers[""]
    layer.bias.requires_grad = False
    assert Flops(plain, 0) == flops(layer, (2, 3, 12, 8), input_gradient=False).total


@pytest.mark.parametrize("options", [None, {"patch_size": 4}, {"last": 1}])
def test_network_costs_the_sum_of_its_layers(options, small_network):
    """The counted step of a network of convolutions and Linear layers is their sum by formula, filtered or not."""
    model, x = small_network(), torch.rand(2, 3, 16, 16)
    if options is not None:
        GradientFilter(**options).apply(model)
    step = step_flops(model, lambda network: network(x).sum())
    assert ["stem.0", "block.depthwise", "block.pointwise", "last", "head"] == list(step.layers)
    assert sum(layer.forward for layer in step.layers.values()) == step.total.forward
    assert sum(layer.backward for layer in step.layers.values()) == step.total.backward


def test_source_says_what_was_used():
    """Modelled in any case; by the counter where this torch has one."""
    step = flops(nn.Linear(2, 2), (1, 2))
    has_counter = tuple(map(int, torch.__version__.split("+")[0].split(".")[:2])) >= (2, 1)
    assert ("modelled", BY_COUNTER if has_counter else BY_FORMULA) == (step.kind, step.source)


def test_products_outside_layers_are_counted():
    """A matrix product that is no layer's is in the step where torch can count it."""
    pytest.importorskip("torch.utils.flop_counter", reason="this torch has no flop counter")
    other = torch.rand(5, 4)
    step = step_flops(nn.Linear(3, 5), lambda model: (model(torch.ones(2, 3)) @ other).sum())
    linear, product = 2 * 2 * 5 * 3, 2 * 2 * 4 * 5
    assert Flops(linear + product, linear + product) == step.total


def test_layer_that_is_not_called_costs_nothing(small_network):
    """A layer that the batch does not reach has no operations, one called twice has them twice."""
    model, x = small_network(), torch.rand(1, 3, 8, 8)
    step = step_flops(model, lambda network: (network.stem(x) + network.stem(x)).sum())
    one = 2 * 8 * 16 * 27
    assert (Flops(2 * one, 2 * one), Flops()) == (step.layers["stem.0"], step.layers["last"])
