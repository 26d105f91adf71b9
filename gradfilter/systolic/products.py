"""A layer as matrix products: Y[M, N] = X[M, K] W[K, N], and backward dX = dY Wᵀ and dW = Xᵀ dY.

A convolution is lowered by im2col: M = images · outputs, K = C_in/g · K_h · K_w, N = C_out/g, g products by themselves.
A filtered convolution's backward pass is a pointwise one on patches: M = images · patches, K = C_in/g.
"""

from typing import List, NamedTuple

from torch import nn

from gradfilter.filtering import FilteredConv2d
from gradfilter.inspection.layer_flops import LayerCall, product
from gradfilter.inspection.randomness import borrowed_randomness
from gradfilter.inspection.step_flops import BatchLoss, recording_calls


class Product(NamedTuple):
    """M × K times K × N, as many times over as a convolution has groups."""

    m: int
    k: int
    n: int
    groups: int = 1

    @property
    def macs(self) -> int:
        """Multiplications with additions."""
        return self.m * self.k * self.n * self.groups


class LayerWork(NamedTuple):
    """One call of a layer. wants_input, wants_weight: which of the two backward products it needs."""

    name: str
    forward: Product
    backward: Product
    wants_input: bool
    wants_weight: bool


def layer_works(model: nn.Module, batch_loss: BatchLoss) -> List[LayerWork]:
    """Every call of a Conv2d or Linear in a forward pass, in the order of the modules; the model stays as it is."""
    with borrowed_randomness(model), recording_calls(model) as calls:
        batch_loss(model)
    return [_work(name, call) for name, made in calls.items() for call in made]


def _work(name: str, call: LayerCall) -> LayerWork:
    forward = _forward(call)
    return LayerWork(name, forward, _backward(call, forward), call.wants_input, call.wants_weight)


def _forward(call: LayerCall) -> Product:
    layer = call.layer
    if isinstance(layer, nn.Linear):
        return Product(product(call.outputs[:-1]), layer.in_features, layer.out_features)
    k = layer.in_channels // layer.groups * product(layer.kernel_size)
    m = product(call.outputs[:-3]) * product(call.outputs[-2:])
    return Product(m, k, layer.out_channels // layer.groups, layer.groups)


def _backward(call: LayerCall, forward: Product) -> Product:
    layer = call.layer
    if not isinstance(layer, FilteredConv2d) or layer.patch_size == 1:
        return forward
    patches = product(layer.filter_shape.patch_counts(call.outputs[-2:]))
    return forward._replace(m=product(call.outputs[:-3]) * patches, k=layer.in_channels // layer.groups)
