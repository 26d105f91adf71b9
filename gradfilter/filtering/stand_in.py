"""What passes for a map while a model runs, and computes only what is asked of it.

Functions of torch that a kind of stand-in does not know are given the map as an ordinary tensor, so that no operation
is ever guessed. torch.fx's proxies pass for tensors in the same way.
"""

from typing import Any, Callable, List, Mapping, Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# A tensor's properties that need no values.
_FACTS = ("layout", "is_cuda", "is_mkldnn", "is_quantized", "is_sparse")


class StandIn:
    """A map (N, C, H, W) that is no tensor yet.

    Operations in place change what it stands for, as they would change a tensor.
    """

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        raise NotImplementedError

    @property
    def sample(self) -> Tensor:
        """A tensor of the map's type and on its device."""
        raise NotImplementedError

    @property
    def requires_grad(self) -> bool:
        """Whether anything that it is made of gets a gradient."""
        raise NotImplementedError

    def materialise(self, wanted_by: str = "") -> Tensor:
        """The map as a tensor of autograd's own. wanted_by: what asks for it."""
        raise NotImplementedError

    def become(self, tensor: Tensor) -> None:
        """Stand for this tensor from now on."""
        raise NotImplementedError

    @classmethod
    def __torch_function__(
        cls, function: Any, _: Any, args: Sequence[Any] = (), kwargs: Optional[Mapping[str, Any]] = None
    ) -> Any:
        return run_on_tensors(function, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(Tensor, name, None)
        if callable(attribute):
            return lambda *args, **kwargs: self.__torch_function__(attribute, (), (self, *args), kwargs)
        if name in _FACTS:
            return getattr(self.sample, name)
        return getattr(self.materialise(name), name)

    @property
    def dtype(self) -> torch.dtype:
        """The map's type."""
        return self.sample.dtype

    @property
    def device(self) -> torch.device:
        """The map's device."""
        return self.sample.device

    @property
    def ndim(self) -> int:
        """Always 4."""
        return 4

    def dim(self) -> int:
        """Always 4."""
        return 4

    def size(self, dim: Optional[int] = None) -> Any:
        """As Tensor.size."""
        return self.shape if dim is None else self.shape[dim]

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return "%s(%s)" % (type(self).__name__, tuple(self.shape))


def materialised(value: Any, wanted_by: str = "") -> Any:
    """The same with every map as a tensor, in tuples, lists and dictionaries too."""
    if isinstance(value, StandIn):
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


def named_functions(*names: str) -> List[Any]:
    """The functions of these names wherever torch offers them: torch, its functional, a tensor's method."""
    return [getattr(room, name) for name in names for room in (torch, F, Tensor) if hasattr(room, name)]


def run_on_tensors(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The function on tensors. Where it works in place, on a copy, which the map then stands for."""
    name = getattr(function, "__name__", "an operation")
    target = args[0] if args and isinstance(args[0], StandIn) and _is_in_place(name, kwargs) else None
    tensors = [materialised(argument, name) for argument in args]
    if target is not None:
        with torch.enable_grad():
            tensors[0] = target.materialise(name).clone()  # the map may still be wanted as it was
    result = function(*tensors, **{key: materialised(argument, name) for key, argument in kwargs.items()})
    if target is not None:
        target.become(tensors[0])
        return target if result is tensors[0] else result
    return result


def _is_in_place(name: str, kwargs: Mapping[str, Any]) -> bool:
    if name.startswith("__"):
        return name in _IN_PLACE
    return bool(kwargs.get("inplace")) or name.endswith("_")


def _operator(name: str) -> Callable[..., Any]:
    def apply(self: StandIn, *args: Any) -> Any:
        return self.__torch_function__(getattr(Tensor, name), (), (self, *args))

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
        setattr(StandIn, _name, _operator(_name))
StandIn.__hash__ = object.__hash__  # type: ignore[method-assign]
