"""A convolution in a chain that was called and waits until its output is asked for.

By then, mostly, whoever called it has let go of the input: `x = conv(x); x = norm(x)`. Where nobody can ask for the
input any more, its activation is written over the map that it is made of, which is still in the caches, in place of a
second map as large.
"""

from typing import List, Optional, Tuple

import torch
from torch import Tensor

from gradfilter.filtering.chains.branches import Branch, LayerRun
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.functions import ConvolutionLink, PatchConvolution
from gradfilter.filtering.chains.holders import holders
from gradfilter.filtering.chains.values import Blend, Value
from gradfilter.filtering.convolution import plain_convolution
from gradfilter.filtering.patches import PatchGrid
from gradfilter.filtering.precision import autocasts, without_autocast
from gradfilter.filtering.shape import FilterShape


class PendingConvolution:
    """A filtered convolution of a map in a chain, of which something gets a gradient.

    size: of its output, (N, C, H, W). grids: of the patches of its input and of its output.
    """

    def __init__(  # noqa: PLR0917 - a convolution's arguments have places
        self,
        value: Value,
        weight: Tensor,
        bias: Optional[Tensor],
        shape: FilterShape,
        size: torch.Size,
        grids: Tuple[PatchGrid, PatchGrid],
    ) -> None:
        self.run = LayerRun(weight)
        self.shape = size
        self._input: List[Value] = [value]
        self._arguments = weight, bias, shape
        self._grids = grids

    requires_grad = True

    @property
    def sample(self) -> Tensor:
        """A tensor of the map's type and on its device."""
        return self._arguments[0]

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
        weight, bias, shape = self._arguments
        is_last_use = holders(self._input) == 0
        value = self._input.pop()
        if is_last_use and isinstance(value, Blend):
            value.serve_once()
        averaged = value.averaged(self._grids[0])  # before the map, as one pass gives both
        if averaged is None:
            value = Entered(value.tensor("patches that do not lie in its own"))
            averaged = value.averaged(self._grids[0])
        y = plain_convolution(value.map, weight.detach(), bias if bias is None else bias.detach(), shape)
        link = ConvolutionLink(shape, self._grids, [way.into for way in averaged.ways])
        saved = [tensor for way in averaged.ways for tensor in way.saved]
        inputs = [tensor for way in averaged.ways for tensor in way.inputs]
        token = PatchConvolution.apply(  # type: ignore[no-untyped-call]
            averaged.averages, weight, bias, link, y, saved, *inputs
        )
        return Blend([Branch(y, token, self._grids[1], self.run)])
