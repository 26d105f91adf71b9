"""A bound that follows training: as much error in a weight's gradient as its momentum can take.

The errors of a compressed input are taken to be uniform within the bound, independent, and nil where the input is 0.
A weight gradient then errs by sigma = bound · sqrt(R · S / 3), R being the share of the input that is not 0, and S the
sum of the squared output gradients of an output channel. This is derived here.
"""

import math
from typing import NamedTuple, Optional

from torch import Tensor

from gradfilter.compression.codec import Packed
from gradfilter.compression.error_bounded import ErrorBoundedCodec

# However small or large the momentum is, the bound stays between these shares of the input's range.
SMALLEST_SHARE = 1e-4
LARGEST_SHARE = 0.1


class Observation(NamedTuple):
    """What one backward pass says about a layer.

    nonzero: share of the input's numbers that are not 0. squared_gradient: the sum of the squared output gradients,
    mean over the output channels. spread: the input's range.
    """

    nonzero: float
    squared_gradient: float
    spread: float

    def sigma(self, bound: float) -> float:
        """The standard deviation to expect of the weight gradient's errors under a bound."""
        return bound * math.sqrt(self.nonzero * self.squared_gradient / 3)

    def bound_for(self, sigma: float) -> float:
        """The bound under which the weight gradient errs by sigma, within what is sensible for the input's range."""
        per_bound = self.sigma(1.0)
        wanted = sigma / per_bound if per_bound > 0 else math.inf
        return min(max(wanted, SMALLEST_SHARE * self.spread), LARGEST_SHARE * self.spread)


def nonzero_share(x: Tensor) -> float:
    """The share of an input's numbers that are not 0; of the input itself, as unpacking turns small ones into 0."""
    return float((x != 0).float().mean())


def observe(nonzero: float, x: Tensor, dy: Tensor) -> Observation:
    """What an input (N, C_in, H, W) and an output gradient (N, C_out, H_out, W_out) say."""
    return Observation(
        nonzero=nonzero,
        squared_gradient=float(dy.float().pow(2).sum()) / dy.shape[1],
        spread=float(x.max()) - float(x.min()),
    )


class AdaptiveCodec(ErrorBoundedCodec):
    """Begins with a relative bound, and has an absolute one from the first adaptation on.

    collecting: whether the next forward pass and its backward pass are to be observed.
    """

    collecting = False
    observation: Optional[Observation] = None
    _nonzero: Optional[float] = None  # of the input that was packed last while collecting

    def pack(self, x: Tensor) -> Packed:
        """As without adaptation; what only the exact input tells is noted where the layer is to be observed."""
        if self.collecting:
            self._nonzero = nonzero_share(x)
        return super().pack(x)

    def gradient_seen(self, x: Tensor, dy: Tensor) -> None:
        """Observe the layer, where that was asked for before its forward pass."""
        if self.collecting and self._nonzero is not None:
            self.observation = observe(self._nonzero, x, dy)

    def adapt(self, sigma: float) -> None:
        """Bound the errors so that the weight gradient's are sigma; nothing where the layer was not observed."""
        if self.observation is not None:
            self.relative = False
            self.bound = self.observation.bound_for(sigma)
            self.observation = self._nonzero = None
