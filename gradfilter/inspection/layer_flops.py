"""Operations of single layers, by formula: modelled, not measured.

The convention: one multiply-add is 2 FLOPs, an addition alone is 1; bias, padding and everything
that is neither convolution nor matrix product are left out. With N images, C_i and C_o channels in
and out, g groups, K² taps, H_o × W_o outputs and P patches per image:

    plain       forward 2 N C_o (C_i/g) K² H_o W_o; as much again for dx, and again for dweight
    filtered    dx and dweight 2 N C_o (C_i/g) P each, dx of a depthwise layer N C P as it sums nothing;
                sums of x N C_i H_i W_i, in the forward pass; means of dy N C_o H_o W_o;
                sums over the taps C_o (C_i/g) (K² − 1)

Taps that lie a patch or more apart are not summed, and multiply the filtered dx instead. A gradient
that nobody asks for costs nothing. Source of the filtered rows: Yang, Li, Marculescu, CVPR 2023,
equations 1 and 15, with the additions that they leave out.
"""

from dataclasses import dataclass
from typing import Iterable, NamedTuple, Tuple, Union

from torch import Tensor, nn

from gradfilter.filtering import FilteredConv2d

CountedLayer = Union[nn.Conv2d, nn.Linear]


@dataclass(frozen=True)
class Flops:
    """FLOPs of the forward and of the backward pass."""

    forward: int = 0
    backward: int = 0

    def plus(self, other: "Flops") -> "Flops":
        """The sum, pass by pass."""
        return Flops(self.forward + other.forward, self.backward + other.backward)

    def minus(self, other: "Flops") -> "Flops":
        """The difference, pass by pass."""
        return Flops(self.forward - other.forward, self.backward - other.backward)


class LayerCall(NamedTuple):
    """One call of a layer in a forward pass: shapes, and which gradients its backward pass will need."""

    layer: CountedLayer
    inputs: Tuple[int, ...]
    outputs: Tuple[int, ...]
    wants_input: bool
    wants_weight: bool

    @classmethod
    def of(cls, layer: CountedLayer, x: Tensor, y: Tensor) -> "LayerCall":
        """The call that computed y from x."""
        recorded = y.requires_grad  # not under no_grad
        return cls(
            layer, tuple(x.shape), tuple(y.shape), recorded and x.requires_grad, recorded and layer.weight.requires_grad
        )


def call_flops(call: LayerCall) -> Flops:
    """What one call costs, forward and backward, with the layer as it is: filtered or plain."""
    if isinstance(call.layer, FilteredConv2d) and call.layer.patch_size > 1:
        return _filtered_flops(call, call.layer)
    return plain_flops(call)


def plain_flops(call: LayerCall) -> Flops:
    """What one call costs with exact gradients, whether or not the layer is filtered."""
    forward = 2 * product(call.outputs) * _products_per_output(call.layer)
    return Flops(forward, forward * (call.wants_input + call.wants_weight))


def _filtered_flops(call: LayerCall, layer: FilteredConv2d) -> Flops:
    forward = plain_flops(call).forward
    taps = product(layer.kernel_size)
    pairs = layer.out_channels * (layer.in_channels // layer.groups)
    images = product(call.outputs[:-3])
    patches = images * product(layer.filter_shape.patch_counts(call.outputs[-2:]))
    backward = 0
    if call.wants_input or call.wants_weight:
        backward += product(call.outputs)
    if call.wants_weight:
        forward += product(call.inputs)
        backward += 2 * pairs * patches
    if call.wants_input:
        kept = _kept_taps(layer)
        sums_nothing = kept == 1 and layer.groups == layer.in_channels == layer.out_channels
        backward += (1 if sums_nothing else 2) * pairs * kept * patches + pairs * (taps - kept)
    return Flops(forward, backward)


def _kept_taps(layer: FilteredConv2d) -> int:
    """Taps that reach other patches than their neighbours, along the axes that are dilated by a patch or more."""
    kernel, shape = layer.kernel_size, layer.filter_shape
    return product([kernel[axis] for axis in (0, 1) if shape.tap_step(axis, kernel)])


def _products_per_output(layer: CountedLayer) -> int:
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels // layer.groups * product(layer.kernel_size)
    return layer.in_features


def product(sizes: Iterable[int]) -> int:
    """The product of the sizes; 1 for none."""
    result = 1
    for size in sizes:
        result *= size
    return result
