"""Networks whose backward pass is compared: in chains, and layer by layer."""

import copy

import pytest
import torch
from torch import nn

from gradfilter.filtering.chains.fusing import layers_apart
from gradfilter.methods import GradientFilter


class Residual(nn.Module):
    """f(body(x) + shortcut(x)); activation nn.Identity for a linear bottleneck."""

    def __init__(self, body, shortcut, activation):
        super().__init__()
        self.body, self.shortcut, self.activation = body, shortcut, activation

    def forward(self, x):
        out = self.body(x)
        out += self.shortcut(x)
        return self.activation(out)


def gradients_of(model, x):
    """(output, gradients by name with that of x as 'x') of a loss that treats every output differently."""
    model.zero_grad()
    x = x.detach().requires_grad_()
    out = model(x)
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    (out * weights).sum().backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    gradients["x"] = x.grad
    return out.detach(), gradients


def difference(one, other, scale=0.0):
    """|one - other| beside |other|, or beside the scale where other is as good as zero."""
    size = max(float(other.norm()), scale)
    return float((one - other).norm()) / size if size else float(one.norm())


def compare(network, x, method=None):
    """The largest relative differences (outputs, gradients, buffers) between chains and layers by themselves.

    The layers compute in float64, whatever the chains compute in.
    """
    model = (method or GradientFilter(patch_size=4)).apply(copy.deepcopy(network))
    apart = copy.deepcopy(model).double()
    with layers_apart():
        expected, expected_gradients = gradients_of(apart, x.double())
    out, gradients = gradients_of(model, x)
    assert expected_gradients.keys() == gradients.keys()
    # What is small beside the largest gradient is compared with a share of that, and what is zero but for rounding,
    # as the gradient of a bias before a normalisation, with all of it.
    largest = max(float(gradient.norm()) for gradient in expected_gradients.values())
    share = 1e-4 if out.dtype == torch.float64 else 1e-2
    worst = 0.0
    for name, gradient in expected_gradients.items():
        floor = (share if float(gradient.norm()) > 1e-9 * largest else 1.0) * largest
        worst = max(worst, difference(gradients[name].double(), gradient, floor))
    buffers = zip(model.buffers(), apart.buffers())
    moved = max([difference(one.double(), other.double(), 1e-6) for one, other in buffers] or [0.0])
    return difference(out.double(), expected), worst, moved


@pytest.fixture(scope="session", name="compare_with_layers_apart")
def fixture_compare():
    return compare


@pytest.fixture(scope="session", name="residual")
def fixture_residual():
    return Residual


@pytest.fixture(scope="session", name="gradients_of")
def fixture_gradients_of():
    return gradients_of


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)
