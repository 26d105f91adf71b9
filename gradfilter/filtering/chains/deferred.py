"""What stands in for a map while a model runs: it passes for a tensor, and computes only what is asked of it.

What a chain knows (operations.py) turns it into another of its kind. Everything else is given the full map as an
ordinary tensor of autograd, and so ends the chain: no operation is ever guessed.
"""

from typing import Any, Callable, Dict, Mapping, Optional, Sequence

import torch
from torch import Tensor, nn

from gradfilter.filtering.chains.calls import refuse_checkpointing
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.values import Value
from gradfilter.filtering.operators import compiling

Handler = Callable[..., Any]

# torch's functions and Tensor's methods that chains know; operations.py fills it.
HANDLERS: Dict[Any, Handler] = {}

# A tensor's properties that need no values.
_FACTS = ("dtype", "device", "layout", "is_cuda", "is_mkldnn", "is_quantized", "is_sparse")


class Deferred:
    """A map (N, C, H, W) of which nothing is computed yet, or only a part.

    Operations in place change what it stands for, as they would change a tensor.
    """

    def __init__(self, value: Value) -> None:
        self.value = value

    def materialise(self, wanted_by: str = "") -> Tensor:
        """The map as a tensor of autograd's own, or without a gradient where none is recorded."""
        refuse_checkpointing(end_chains)
        return self.value.tensor(wanted_by) if torch.is_grad_enabled() else self.value.map

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
        return _apply(function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(Tensor, name, None)
        if callable(attribute):
            return lambda *args, **kwargs: self.__torch_function__(attribute, (), (self, *args), kwargs)
        if name in _FACTS:
            return getattr(self.value.sample, name)
        return getattr(self.materialise(name), name)

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """Always 4."""
        return len(self.shape)

    @property
    def requires_grad(self) -> bool:
        """Whether anything that it is made of gets a gradient."""
        return self.value.requires_grad

    def dim(self) -> int:
        """Always 4."""
        return self.ndim

    def size(self, dim: Optional[int] = None) -> Any:
        """As Tensor.size."""
        return self.shape if dim is None else self.shape[dim]

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return "Deferred(%s)" % (tuple(self.shape),)


def materialised(value: Any, wanted_by: str = "") -> Any:
    """The same with every map as a tensor, in tuples, lists and dictionaries too."""
    if isinstance(value, Deferred):
        return value.materialise(wanted_by)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[materialised(entry, wanted_by) for entry in value])
    if isinstance(value, (list, tuple)):
        return type(value)(materialised(entry, wanted_by) for entry in value)
    if isinstance(value, dict):
        copy = value.copy()  # keeps what kind of dictionary it is
        copy.update((key, materialised(entry, wanted_by)) for key, entry in value.items())
        return copy
    return value


def end_chains(model: nn.Module, _: Any, output: Any) -> Any:  # noqa: ARG001 - a forward hook's arguments
    """The forward hook of a model in which chains may form: ordinary tensors leave it."""
    return None if compiling() else materialised(output, "the model's output")


def _apply(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The function on tensors. Where it works in place, on a copy, which the map then stands for."""
    name = getattr(function, "__name__", "an operation")
    target = args[0] if args and isinstance(args[0], Deferred) and _is_in_place(name, kwargs) else None
    tensors = [materialised(argument, name) for argument in args]
    if target is not None:
        with torch.enable_grad():
            tensors[0] = target.value.tensor(name).clone()  # the map may still be wanted as it was
    result = function(*tensors, **{key: materialised(argument, name) for key, argument in kwargs.items()})
    if target is not None:
        target.value = Entered(tensors[0])
        return target if result is tensors[0] else result
    return result


def _is_in_place(name: str, kwargs: Mapping[str, Any]) -> bool:
    if name.startswith("__"):
        return name in _IN_PLACE
    return bool(kwargs.get("inplace")) or name.endswith("_")


def _operator(name: str) -> Callable[..., Any]:
    def apply(self: Deferred, *args: Any) -> Any:
        return Deferred.__torch_function__(getattr(Tensor, name), (), (self, *args))

    apply.__name__ = name
    return apply


# Python looks operators up on the class, where __getattr__ is not asked.
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_REVERSED = ("add", "sub", "mul", "truediv", "floordiv", "pow", "matmul")
_OTHERS = (
    "neg",
    "abs",
    "invert",
    "getitem",
    "setitem",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "bool",
    "float",
    "int",
    "iter",
)
_IN_PLACE = ("__setitem__", *("__i%s__" % name for name in _BINARY))
_OPERATORS = (
    *("__%s__" % name for name in (*_BINARY, *_OTHERS)),
    *("__r%s__" % name for name in _REVERSED),
    *_IN_PLACE,
)
for _name in _OPERATORS:
    if hasattr(Tensor, _name):
        setattr(Deferred, _name, _operator(_name))
Deferred.__hash__ = object.__hash__  # type: ignore[method-assign]
