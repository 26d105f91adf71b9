"""A convolution in a chain that was called and waits until its output is asked for.

By then, mostly, whoever called it has let go of the input: `x = conv(x); x = norm(x)`. Where nobody can ask for the
input any more, its activation is written over the map that it is made of, which is still in the caches, in place of a
second map as large.
"""

import threading
from typing import List, Optional

import torch
from torch import Tensor

from gradfilter.errors import ChangedInPlace
from gradfilter.filtering.chains.branches import Branch, LayerRun
from gradfilter.filtering.chains.entered import Entered, version
from gradfilter.filtering.chains.functions import ConvolutionLink, PatchConvolution
from gradfilter.filtering.chains.holders import holders
from gradfilter.filtering.chains.values import Blend, Value
from gradfilter.filtering.convolution import plain_convolution
from gradfilter.filtering.precision import autocasts, without_autocast


class PendingConvolution:
    """A filtered convolution of a map in a chain, of which something gets a gradient."""

    requires_grad = True

    def __init__(self, value: Value, weight: Tensor, bias: Optional[Tensor], link: ConvolutionLink) -> None:
        self.run = LayerRun(weight)
        self._input: List[Value] = [value]
        self._weight, self._bias, self._link = weight, bias, link
        # What it is computed with, whatever the parameters' data is replaced with.
        self._numbers = weight.detach(), None if bias is None else bias.detach()
        self._versions = self._versions_now
        self._output: Optional[Blend] = None
        self._computing = threading.Lock()

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W) of the output."""
        return self._link.size

    @property
    def sample(self) -> Tensor:
        """A tensor of the map's type and on its device."""
        return self._weight

    @property
    def _versions_now(self) -> List[int]:
        return [version(tensor) for tensor in self._numbers if tensor is not None]

    def compute(self) -> Blend:
        """The output. Of threads that ask at the same time, one computes it.

        It is computed as it would have been when it was called, whatever block it is asked for in.

        Raises:
            ChangedInPlace: the weight or the bias is no longer what it was called with.
        """
        device = self.sample.device.type
        with self._computing:
            if self._output is None:
                if torch.is_grad_enabled() and not autocasts(device):  # entering blocks costs more than asking
                    self._output = self._compute()
                else:
                    with torch.inference_mode(mode=False), torch.enable_grad(), without_autocast(device):
                        self._output = self._compute()
            return self._output

    def _compute(self) -> Blend:
        if self._versions_now != self._versions:
            raise ChangedInPlace(
                "the weight %s of a filtered convolution, or its bias, was changed in place after the layer was called "
                "and before its output was read. Change it before or after the forward pass, or filter with fuse=False."
                % list(self._weight.shape)
            )
        input_grid, output_grid = self._link.grids
        is_last_use = holders(self._input) == 0
        value = self._input.pop()
        if is_last_use and isinstance(value, Blend):
            value.serve_once()
        averaged = value.averaged(input_grid)  # before the map, as one pass gives both
        if averaged is None:
            value = Entered(value.tensor("patches that do not lie in its own"))
            averaged = value.averaged(input_grid)
        y = plain_convolution(value.map, *self._numbers, self._link.shape)
        inputs = [tensor for way in averaged.ways for tensor in way.inputs]
        parameters = self._weight, self._bias
        token = PatchConvolution.apply(self._link, averaged, *parameters, *inputs)  # type: ignore[no-untyped-call]
        return Blend([Branch(y, token, output_grid, self.run)])
