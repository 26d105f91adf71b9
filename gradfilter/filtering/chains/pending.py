"""A convolution in a chain that was called and waits until its output is asked for.

By then, mostly, whoever called it has let go of the input: `x = conv(x); x = norm(x)`. Where nobody can ask for the
input any more, its activation is written over the map that it is made of, which is still in the caches, in place of a
second map as large.
"""

from typing import List, Optional

import torch
from torch import Tensor

from gradfilter.filtering.chains.branches import Branch, LayerRun
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.functions import ConvolutionLink, PatchConvolution
from gradfilter.filtering.chains.holders import holders
from gradfilter.filtering.chains.values import Blend, Value
from gradfilter.filtering.convolution import plain_convolution
from gradfilter.filtering.precision import autocasts, without_autocast


class PendingConvolution:
    """A filtered convolution of a map in a chain, of which something gets a gradient."""

    def __init__(self, value: Value, weight: Tensor, bias: Optional[Tensor], link: ConvolutionLink) -> None:
        self.run = LayerRun(weight)
        self._input: List[Value] = [value]
        self._weight, self._bias, self._link = weight, bias, link

    requires_grad = True

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W) of the output."""
        return self._link.size

    @property
    def sample(self) -> Tensor:
        """A tensor of the map's type and on its device."""
        return self._weight

    def compute(self) -> Blend:
        """The output. Once only: the input is let go of.

        It is computed as it would have been when it was called, whatever block it is asked for in.
        """
        device = self.sample.device.type
        if torch.is_grad_enabled() and not autocasts(device):  # entering blocks costs more than asking
            return self._compute()
        with torch.enable_grad(), without_autocast(device):
            return self._compute()

    def _compute(self) -> Blend:
        weight, bias = self._weight, self._bias
        input_grid, output_grid = self._link.grids
        is_last_use = holders(self._input) == 0
        value = self._input.pop()
        if is_last_use and isinstance(value, Blend):
            value.serve_once()
        averaged = value.averaged(input_grid)  # before the map, as one pass gives both
        if averaged is None:
            value = Entered(value.tensor("patches that do not lie in its own"))
            averaged = value.averaged(input_grid)
        y = plain_convolution(value.map, weight.detach(), bias if bias is None else bias.detach(), self._link.shape)
        inputs = [tensor for way in averaged.ways for tensor in way.inputs]
        token = PatchConvolution.apply(self._link, averaged, weight, bias, *inputs)  # type: ignore[no-untyped-call]
        return Blend([Branch(y, token, output_grid, self.run)])
