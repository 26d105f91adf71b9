"""The activations' values and derivatives, against autograd, and how those that are steps are counted."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gradfilter.filtering.passes import KINDS, Activation, Wanted, activate
from gradfilter.filtering.passes.activate import activate_aten
from gradfilter.filtering.passes.activation import activated, slope
from gradfilter.filtering.patches import PatchAxis, PatchGrid

MODULES = {
    "identity": nn.Identity(),
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "leaky_relu": nn.LeakyReLU(0.1),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
    "hardswish": nn.Hardswish(),
    "hardsigmoid": nn.Hardsigmoid(),
}
# torch before 2 takes the other side's derivative of hardswish, or one of neither side.
OLD = int(torch.__version__.split(".", 1)[0]) < 2
KINKS = [-6.0, -3.0, -0.0, 0.0, 3.0, 6.0]


def gelu_tanh(z):
    """Torch's own where it has one (1.12), else its formula."""
    try:
        return F.gelu(z, approximate="tanh")
    except TypeError:
        return 0.5 * z * (1 + torch.tanh((2 / math.pi) ** 0.5 * (z + 0.044715 * z**3)))


@pytest.mark.parametrize("kind", KINDS)
def test_activation_is_pytorchs(kind):
    """Value and derivative are those of the module and its backward pass, at the kinks too."""
    torch.manual_seed(0)
    special = [-1e3, 1e3, *([] if OLD and kind == "hardswish" else KINKS)]
    z = torch.cat([torch.randn(500).double() * 3, torch.tensor(special).double()]).requires_grad_()
    expected = MODULES.get(kind, gelu_tanh)(z)
    (expected_slope,) = torch.autograd.grad(expected.sum(), z)
    activation = Activation(kind, 0.1)
    assert torch.allclose(expected, activated(z, activation), rtol=1e-12, atol=1e-14)
    assert torch.allclose(expected_slope, slope(z.detach(), activation), rtol=1e-12, atol=1e-14)


def test_unknown_activation_is_refused():
    """The sentence names what there is."""
    with pytest.raises(ValueError, match="no activation 'tanh'; it must be one of identity, relu"):
        activated(torch.zeros(1), Activation("tanh"))


@pytest.mark.parametrize(
    ("kind", "size", "fits"), [("relu", 15, 1), ("relu6", 15, 1), ("relu", 16, 0), ("silu", 15, 0)]
)
@pytest.mark.parametrize("function", [activate, activate_aten], ids=["fused", "aten"])
def test_steps_are_counted_in_bytes(function, layout, kind, size, fits):
    """Where a patch has no more pixels than a byte counts, the derivative is 0 or 1, and channels come last."""
    ones, grid = torch.ones(1, 2, size, size), PatchGrid(*[PatchAxis(size, size, 1)] * 2)
    got = function(ones.contiguous(memory_format=layout), None, None, None, Activation(kind), grid, Wanted(slope=True))
    if fits and layout == torch.channels_last:
        assert got.slope.dtype == torch.uint8
        assert got.slope.flatten().tolist() == [size * size] * 2
    else:
        assert got.slope.dtype == torch.float32
        assert float(got.slope.max()) < 1.2
