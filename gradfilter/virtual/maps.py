"""A map of which only the samples exist, on its way through normalisation to its activation.

Both treat every number by itself, so that they may come before the interpolation: an activated sample is what the whole
map would have there, as long as the normalisation's statistics are the same.
"""

from typing import Any, Callable, FrozenSet, Mapping, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.stand_in import StandIn, named_functions, run_on_tensors

Finish = Callable[[Tensor], Tensor]  # from samples to the whole map

_ACTIVATIONS: FrozenSet[Any] = frozenset(
    named_functions(
        "relu",
        "relu_",
        "relu6",
        "leaky_relu",
        "leaky_relu_",
        "hardtanh",
        "hardtanh_",
        "hardswish",
        "hardsigmoid",
        "silu",
        "gelu",
        "elu",
        "elu_",
        "selu",
        "mish",
        "softplus",
        "prelu",
        "sigmoid",
        "tanh",
    )
)


class VirtualMap(StandIn):
    """A map by its samples. finish makes the whole of them, after the activation or where something else wants it."""

    def __init__(self, samples: Tensor, shape: torch.Size, finish: Finish) -> None:
        self.samples = samples
        self._shape = shape
        self._finish = finish
        self._whole: Optional[Tensor] = None

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W) of the whole map."""
        return self._shape

    @property
    def sample(self) -> Tensor:
        """A tensor of the map's type and on its device."""
        return self.samples

    @property
    def requires_grad(self) -> bool:
        """Whether the samples get a gradient."""
        return self.samples.requires_grad

    def materialise(self, wanted_by: str = "") -> Tensor:  # noqa: ARG002 - the same whoever wants it
        """The whole map."""
        if self._whole is None:
            self._whole = self._finish(self.samples)
        return self._whole

    def become(self, tensor: Tensor) -> None:
        """Stand for a whole map, which needs nothing more."""
        self._whole = tensor

    @classmethod
    def __torch_function__(
        cls, function: Any, _: Any, args: Sequence[Any] = (), kwargs: Optional[Mapping[str, Any]] = None
    ) -> Any:
        kwargs = kwargs or {}
        first = args[0] if args else None
        if isinstance(first, VirtualMap) and first.is_pending:
            if function is F.batch_norm:
                return first._normalised(function, args[1:], kwargs)  # noqa: SLF001
            if function in _ACTIVATIONS:
                return first._activated(function, args[1:], kwargs)  # noqa: SLF001
        return run_on_tensors(function, args, kwargs)

    @property
    def is_pending(self) -> bool:
        """Whether nothing has asked for the whole map yet."""
        return self._whole is None

    def _normalised(self, function: Any, further: Sequence[Any], kwargs: Mapping[str, Any]) -> "VirtualMap":
        """The map by its normalised samples."""
        return VirtualMap(function(self.samples, *further, **kwargs), self.shape, self._finish)

    def _activated(self, function: Any, further: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        """The whole map, activated; in place where the function works so: the map then is what it became."""
        activated = function(self.samples, *further, **kwargs)
        whole = self._finish(activated)
        if activated is self.samples:
            self.become(whole)
        return whole


def computed(output: Any) -> Any:
    """What a layer really computed: of a virtual map the samples, of anything else itself."""
    return output.samples if isinstance(output, VirtualMap) else output
