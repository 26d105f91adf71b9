"""The activations that a fused pass computes: a value and a derivative for each, as PyTorch's own backward has them."""

import math
from typing import Callable, Dict, NamedTuple, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Activation(NamedTuple):
    """One of KINDS by name; parameter is leaky_relu's slope below zero, and of no meaning elsewhere."""

    kind: str
    parameter: float = 0.0


IDENTITY = Activation("identity")

# Activations whose derivative is 0 or 1, and the output below which it is 1, from 0 on.
STEPPED = {"relu": math.inf, "relu6": 6.0}


class _Formula(NamedTuple):
    value: Callable[[Tensor, float], Tensor]
    slope: Callable[[Tensor, float], Tensor]


def activated(z: Tensor, activation: Activation) -> Tensor:
    """f(z), a tensor of its own even where f changes nothing."""
    return _formula(activation).value(z, activation.parameter)


def slope(z: Tensor, activation: Activation) -> Tensor:
    """f′(z), in the type of z; at a kink what PyTorch's backward takes: that of the flatter side, mostly."""
    return _formula(activation).slope(z, activation.parameter).to(z.dtype)


def place(activation: Activation) -> int:
    """Its place in KINDS, which is how the native kernels know it."""
    _formula(activation)
    return KINDS.index(activation.kind)


def _formula(activation: Activation) -> _Formula:
    if activation.kind not in _FORMULAS:
        known = ", ".join(_FORMULAS)
        raise ValueError("there is no activation %r; it must be one of %s." % (activation.kind, known))
    return _FORMULAS[activation.kind]


def _silu_slope(z: Tensor, _: float) -> Tensor:
    sigmoid = torch.sigmoid(z)
    return sigmoid * (1 + z * (1 - sigmoid))


def _gelu(z: Tensor, _: float) -> Tensor:
    return z * _normal_cdf(z)


def _gelu_slope(z: Tensor, _: float) -> Tensor:
    return _normal_cdf(z) + z * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _normal_cdf(z: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(z * math.sqrt(0.5)))


_TANH_SCALE, _TANH_CUBIC = math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh(z: Tensor, _: float) -> Tensor:
    return 0.5 * z * (1 + torch.tanh(_TANH_SCALE * (z + _TANH_CUBIC * z * z * z)))


def _gelu_tanh_slope(z: Tensor, _: float) -> Tensor:
    tanh = torch.tanh(_TANH_SCALE * (z + _TANH_CUBIC * z * z * z))
    inner = _TANH_SCALE * (1 + 3 * _TANH_CUBIC * z * z)
    return 0.5 * (1 + tanh) + 0.5 * z * (1 - tanh * tanh) * inner


def _hardswish_slope(z: Tensor, _: float) -> Tensor:
    inner = z / 3 + 0.5
    return torch.where(z <= -3, torch.zeros_like(z), torch.where(z < 3, inner, torch.ones_like(z)))  # noqa: PLR2004


def _hardsigmoid_slope(z: Tensor, _: float) -> Tensor:
    return ((z > -3) & (z < 3)).to(z.dtype) * _SIXTH  # noqa: PLR2004


_SIXTH = 11184811 / 2**26  # PyTorch's backward has it in float32, in double precision too

_FORMULAS: Dict[str, _Formula] = {
    "identity": _Formula(lambda z, _: z.clone(), lambda z, _: torch.ones_like(z)),
    "relu": _Formula(lambda z, _: F.relu(z), lambda z, _: z > 0),
    "relu6": _Formula(lambda z, _: F.relu6(z), lambda z, _: (z > 0) & (z < 6)),  # noqa: PLR2004
    "leaky_relu": _Formula(
        F.leaky_relu, lambda z, below: torch.where(z > 0, torch.ones_like(z), torch.full_like(z, below))
    ),
    "silu": _Formula(lambda z, _: F.silu(z), _silu_slope),
    "gelu": _Formula(_gelu, _gelu_slope),
    "gelu_tanh": _Formula(_gelu_tanh, _gelu_tanh_slope),
    "hardswish": _Formula(lambda z, _: F.hardswish(z), _hardswish_slope),
    "hardsigmoid": _Formula(lambda z, _: F.hardsigmoid(z), _hardsigmoid_slope),
}

KINDS: Tuple[str, ...] = tuple(_FORMULAS)
