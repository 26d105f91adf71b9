"""What chains know of torch: normalisation, activations, additions, pooling; each from maps to maps.

A handler that returns NotImplemented leaves the case at hand to torch, with ordinary tensors.
"""

from typing import Any, Callable, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.filtering.chains.branches import Branch, Normalisation
from gradfilter.filtering.chains.deferred import HANDLERS, Deferred
from gradfilter.filtering.chains.ends import PooledMap
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.functions import GlobalMean, shared
from gradfilter.filtering.chains.nesting import whole_map
from gradfilter.filtering.chains.values import Blend, Value
from gradfilter.filtering.passes import CLOSED, IDENTITY, Activation, Normal, batch_statistics, max_pool
from gradfilter.filtering.passes.activation import STEPPED
from gradfilter.filtering.stand_in import named_functions


def handles(*functions: Any) -> Callable[[Any], Any]:
    """Register a handler for functions of torch; those that this torch does not have are None."""

    def register(handler: Any) -> Any:
        HANDLERS.update({function: handler for function in functions if function is not None})
        return handler

    return register


# ------------------------------------------------------------------------------------ normalisation


@handles(F.batch_norm)
def batch_norm(  # noqa: PLR0917 - torch's own arguments
    input: Deferred,  # noqa: A002 - torch's own name
    running_mean: Optional[Tensor],
    running_var: Optional[Tensor],
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """A convolution's output becomes a normalised branch; running statistics move as torch moves them."""
    branch = _bare_branch(input)
    if branch is None or branch.y.numel() == branch.y.size(1):
        return NotImplemented  # torch refuses to normalise single values, in its own words
    if training:
        mean, rstd = batch_statistics(branch.y, (running_mean, running_var), momentum, eps)
    elif running_mean is None or running_var is None or running_mean.dtype != branch.y.dtype:
        return NotImplemented
    else:
        mean, rstd = running_mean.clone(), (running_var + eps).rsqrt()
    normal = Normal(
        mean,
        rstd,
        torch.ones_like(mean) if weight is None else weight.detach(),
        torch.zeros_like(mean) if bias is None else bias.detach(),
    )
    return Deferred(Blend([branch._replace(normalisation=Normalisation(normal, weight, bias, training))]))


def _bare_branch(deferred: Any) -> Optional[Branch]:
    """The branch of a map that is nothing but a convolution's output."""
    value = deferred.value if isinstance(deferred, Deferred) else None
    if not isinstance(value, Blend) or not value.is_linear or value.others or len(value.branches) != 1:
        return None
    return value.branches[0] if value.branches[0].normalisation is None else None


# -------------------------------------------------------------------------------------- activations


def _activation(kind: str) -> Callable[..., Any]:
    activation = Activation(kind)

    def handler(input: Deferred, inplace: bool = False) -> Any:  # noqa: A002
        return _activated(input, activation, inplace=inplace)

    return handler


def _activated(input: Deferred, activation: Activation, *, inplace: bool) -> Any:  # noqa: A002
    value = input.value
    if not isinstance(value, Blend) or not value.is_linear or not value.branches:
        return NotImplemented
    return _result(input, Blend(value.branches, value.others, activation), inplace=inplace)


def _result(input: Deferred, value: Value, *, inplace: bool) -> Deferred:  # noqa: A002
    if inplace:
        input.value = value
        return input
    return Deferred(value)


for _kind in ("relu", "relu6", "silu", "hardswish", "hardsigmoid"):
    handles(*named_functions(_kind))(_activation(_kind))
handles(Tensor.relu_, torch.relu_)(lambda input: _activated(input, Activation("relu"), inplace=True))  # noqa: A006


@handles(*named_functions("hardtanh"))
def hardtanh(input: Deferred, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:  # noqa: A002
    """ReLU6, as nn.ReLU6 calls it."""
    if (min_val, max_val) != (0, 6):
        return NotImplemented
    return _activated(input, Activation("relu6"), inplace=inplace)


@handles(*named_functions("leaky_relu"))
def leaky_relu(input: Deferred, negative_slope: float = 0.01, inplace: bool = False) -> Any:  # noqa: A002
    """Leaky ReLU of any slope."""
    return _activated(input, Activation("leaky_relu", negative_slope), inplace=inplace)


@handles(*named_functions("gelu"))
def gelu(input: Deferred, approximate: str = "none") -> Any:  # noqa: A002
    """GELU, exact or by tanh."""
    return _activated(input, Activation("gelu" if approximate == "none" else "gelu_tanh"), inplace=False)


# ---------------------------------------------------------------------------------------- additions


@handles(torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__)
def add(input: Any, other: Any, *, alpha: float = 1) -> Any:  # noqa: A002
    """The sum of two maps of the same size."""
    total = _sum(input, other) if alpha == 1 else None
    return NotImplemented if total is None else Deferred(total)


@handles(Tensor.add_, Tensor.__iadd__)
def add_in_place(input: Any, other: Any, *, alpha: float = 1) -> Any:  # noqa: A002
    """The same in place."""
    total = _sum(input, other) if alpha == 1 and isinstance(input, Deferred) else None
    return NotImplemented if total is None else _result(input, total, inplace=True)


def _sum(left: Any, right: Any) -> Optional[Blend]:
    parts = [_parts(left), _parts(right)]
    if None in parts or left.shape != right.shape or left.dtype != right.dtype:
        return None
    (branches, others), (more_branches, more_others) = parts  # type: ignore[misc]
    branches, others = [*branches, *more_branches], [*others, *more_others]
    keep = 1 if others or len({branch.grid for branch in branches}) > 1 else 2
    return Blend(branches[:keep], [*others, *(Blend([branch]) for branch in branches[keep:])])


def _parts(addend: Any) -> Optional[Tuple[List[Branch], List[Value]]]:
    """The branches and other maps that an addend is the sum of."""
    if isinstance(addend, Deferred):
        value = addend.value
        if isinstance(value, Blend) and value.is_linear and value.is_fresh:
            return value.branches, value.others
        return [], [value]
    return ([], [Entered(addend)]) if isinstance(addend, Tensor) else None


# ------------------------------------------------------------------------------------------ pooling

Sizes = Union[int, Tuple[int, ...], None]


@handles(*named_functions("max_pool2d"))
def max_pool2d(  # noqa: PLR0917 - torch's own arguments
    input: Deferred,  # noqa: A002
    kernel_size: Sizes,
    stride: Sizes = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Max pooling of an activated branch, straight from the convolution's output."""
    window, steps, margin = _pair(kernel_size), _pair(stride or kernel_size), _pair(padding)
    value = input.value
    usual = _pair(dilation) == (1, 1) and not ceil_mode and not return_indices and window[0] * window[1] < CLOSED
    if not usual or not isinstance(value, Blend) or not value.is_fresh or value.others or len(value.branches) != 1:
        return NotImplemented
    if value.activation.kind not in (*STEPPED, IDENTITY.kind):
        return NotImplemented
    (branch,) = value.branches
    pooled = max_pool(branch.y, branch.normal, value.activation, window, steps, margin)
    averages = _normal_averages(branch) if branch.corrects_mean else None
    return PooledMap.apply(*branch.parameters, branch, pooled, averages, (window, steps, margin))  # type: ignore[no-untyped-call]


def _normal_averages(branch: Branch) -> Tensor:
    mean, rstd = (values.view(1, -1, 1, 1) for values in branch.normal[:2])  # type: ignore[index]
    shares = branch.grid.counts(branch.y) / branch.grid.area
    return (branch.grid.averages(branch.y) - mean * shares) * rstd


def _pair(size: Any) -> Tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[-1])


@handles(*named_functions("adaptive_avg_pool2d"))
def adaptive_avg_pool2d(input: Deferred, output_size: Any) -> Any:  # noqa: A002
    """The global mean, where that is what is asked for."""
    return _global_mean(input) if _pair(output_size) == (1, 1) else NotImplemented


@handles(torch.mean, Tensor.mean)
def mean(input: Deferred, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:  # noqa: A002
    """The global mean, where that is what is asked for."""
    if dtype is not None or not isinstance(dim, (tuple, list)) or {axis % 4 for axis in dim} != {2, 3}:
        return NotImplemented
    result = _global_mean(input)
    return result if result is NotImplemented or keepdim else result.flatten(1)


def _global_mean(input: Deferred) -> Any:  # noqa: A002
    averaged = input.value.averaged(whole_map(input.shape[2:]))
    if averaged is None:
        return NotImplemented
    pixels = input.shape[2] * input.shape[3]
    tokens = [way.inputs[0] for way in map(shared, averaged.ways)]
    return GlobalMean.apply(averaged.averages, pixels, *tokens)  # type: ignore[no-untyped-call]


# ------------------------------------------------------------------------------------------- nothing


@handles(*named_functions("dropout"))
def dropout(input: Deferred, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:  # noqa: A002, ARG001
    """Dropout that drops nothing."""
    return NotImplemented if training and p else input
