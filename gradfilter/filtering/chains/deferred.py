"""A map in a chain: it passes for a tensor, and computes only what is asked of it.

What a chain knows (operations.py) turns it into another of its kind. Everything else is given the full map as an
ordinary tensor of autograd, and so ends the chain: no operation is ever guessed.
"""

from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Union

import torch
from torch import Tensor, nn

from gradfilter.filtering.chains.calls import refuse_checkpointing
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.pending import PendingConvolution
from gradfilter.filtering.chains.values import Value
from gradfilter.filtering.operators import compiling
from gradfilter.filtering.stand_in import StandIn, materialised, run_on_tensors

Handler = Callable[..., Any]

# torch's functions and Tensor's methods that chains know; operations.py fills it.
HANDLERS: Dict[Any, Handler] = {}


class Deferred(StandIn):
    """A map (N, C, H, W) of which nothing is computed yet, or only a part."""

    def __init__(self, value: Union[Value, PendingConvolution]) -> None:
        self._known = value

    @property
    def value(self) -> Value:
        """What it is made of."""
        known = self._known
        if isinstance(known, PendingConvolution):
            known = self._known = known.compute()
        return known

    @value.setter
    def value(self, value: Value) -> None:
        self._known = value

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return self._known.shape

    @property
    def sample(self) -> Tensor:
        """A tensor of the map's type and on its device."""
        return self._known.sample

    @property
    def requires_grad(self) -> bool:
        """Whether anything that it is made of gets a gradient."""
        return self._known.requires_grad

    def materialise(self, wanted_by: str = "") -> Tensor:
        """The map as a tensor of autograd's own, or without a gradient where none is recorded."""
        refuse_checkpointing(end_chains)
        return self.value.tensor(wanted_by) if torch.is_grad_enabled() else self.value.map

    def become(self, tensor: Tensor) -> None:
        """Stand for what entered the chain from outside."""
        self.value = Entered(tensor)

    @classmethod
    def __torch_function__(
        cls, function: Any, _: Any, args: Sequence[Any] = (), kwargs: Optional[Mapping[str, Any]] = None
    ) -> Any:
        kwargs = kwargs or {}
        handler = HANDLERS.get(function) if torch.is_grad_enabled() else None
        if handler is not None:
            result = handler(*args, **kwargs)
            if result is not NotImplemented:
                return result
        return run_on_tensors(function, args, kwargs)


def end_chains(model: nn.Module, _: Any, output: Any) -> Any:  # noqa: ARG001 - a forward hook's arguments
    """The forward hook of a model in which chains may form: ordinary tensors leave it."""
    return None if compiling() else materialised(output, "the model's output")
