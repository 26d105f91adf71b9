"""How far virtual pooling's maps are from the exact ones on some images, beside what they can be at most.

An interpolated number is a mean of the samples around it, so it differs from the exact one by no more than the exact
one does from the farthest of those samples: the bound from the map, number by number. Two neighbours in a convolution's
output are products of the same weights with inputs one stride apart, so they differ by no more than ‖weights‖₁ times
the input's largest change over a stride: the bound from the input, channel by channel, which is known before anything
is convolved and is wider. Both are derived here; the paper states a bound of its own, which is neither.
"""

import copy
from functools import partial
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gradfilter.filtering.stand_in import materialised, named_functions
from gradfilter.virtual.interpolation import interpolate
from gradfilter.virtual.layers import whole_output
from gradfilter.virtual.maps import VirtualMap

# Nowhere steeper than 1, whatever their arguments: what they are given differs by at least as much as what they return.
_NOT_STEEP: FrozenSet[Any] = frozenset(
    named_functions("relu", "relu_", "relu6", "hardtanh", "hardtanh_", "hardsigmoid", "sigmoid", "tanh", "softplus")
)


class Reconstruction(NamedTuple):
    """One layer's activated output: its errors, measured, and their bounds. All in the output's own numbers.

    largest_error and mean_error: absolute. largest_bound: of any number; no number's error is above its own bound.
    largest_input_bound: from weights and input; infinite after an activation that may be steeper than 1.
    range: largest minus smallest exact number.
    """

    name: str
    largest_error: float
    mean_error: float
    largest_bound: float
    largest_input_bound: float
    range: float


def reconstructions(model: nn.Module, names: Iterable[str], images: Tensor) -> List[Reconstruction]:
    """What virtual pooling of each of these Conv2d alone would do to its output; runs on a copy of the plain model.

    Raises:
        ValueError: a name is no module of the model.
    """
    model, names = copy.deepcopy(model), list(names)
    modules = dict(model.named_modules())
    missing = [name for name in names if name not in modules]
    if missing:
        raise ValueError("names holds modules that the model does not have: %s." % ", ".join(missing))
    found: Dict[str, Reconstruction] = {}
    for name in names:
        modules[name].register_forward_hook(_watching(name, found))
    model.register_forward_hook(whole_output)
    with torch.no_grad():
        model(images)
    return [found[name] for name in names if name in found]


def errors(exact: Tensor) -> Tensor:
    """By how much each number of a map changes when it is interpolated from the map's samples."""
    height, width = exact.shape[2:]
    return (exact - interpolate(exact[:, :, ::2, ::2], (height, width))).abs()


def error_bounds(exact: Tensor) -> Tensor:
    """What each number's error cannot exceed: its distance to the farthest sample that it is interpolated from."""
    bounds = torch.zeros_like(exact)
    rows, columns = (_samples_beside(size, exact.device) for size in exact.shape[2:])
    for row in rows:
        for column in columns:
            corner = exact.index_select(2, row).index_select(3, column)
            bounds = torch.max(bounds, (exact - corner).abs())
    return bounds


def input_bounds(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """What no error in each channel of conv(x) can exceed, (C_out), known from the input x (N, C_in, H, W) alone."""
    mode = "constant" if conv.padding_mode == "zeros" else conv.padding_mode
    padded = F.pad(x, conv._reversed_padding_repeated_twice, mode=mode)  # noqa: SLF001
    rows, columns = conv.stride
    changes = _largest_changes(padded, rows, columns).view(conv.groups, -1).amax(1)  # in what each group sees
    return conv.weight.abs().sum((1, 2, 3)) * changes.repeat_interleave(conv.out_channels // conv.groups)


def _largest_changes(x: Tensor, rows: int, columns: int) -> Tensor:
    """By how much each channel of x changes at most over so many rows, columns or both, (C)."""
    changes = (
        torch.zeros_like(x[:, :, :1, :1]),  # where x is too small for any neighbour
        x[:, :, rows:] - x[:, :, :-rows],
        x[..., columns:] - x[..., :-columns],
        x[:, :, rows:, columns:] - x[:, :, :-rows, :-columns],
        x[:, :, rows:, :-columns] - x[:, :, :-rows, columns:],
    )
    return torch.cat([change.abs().flatten(2) for change in changes], 2).amax((0, 2))


def _samples_beside(size: int, device: torch.device) -> Tuple[Tensor, Tensor]:
    """The samples before and behind each position of an axis; at a sample, and where none is behind, the same twice."""
    positions = torch.arange(size, device=device)
    before = positions - positions % 2
    behind = before + 2 * (positions % 2)
    return before, torch.where(behind < size, behind, before)


class _WatchedMap(VirtualMap):
    """An exact map on its way to its activation, where it is judged, beside the bounds of its channels (C)."""

    def __init__(self, exact: Tensor, bounds: Tensor, judge: Any) -> None:
        super().__init__(exact, exact.shape, partial(judge, bounds=bounds))
        self._bounds = bounds
        self._judge = judge

    def _normalised(self, function: Any, further: Sequence[Any], kwargs: Mapping[str, Any]) -> VirtualMap:
        normalised = function(self.samples, *further, **kwargs)
        before, after = _ranges(self.samples), _ranges(normalised)
        # Normalisation stretches a channel evenly; one that is constant has no errors, and any bound holds.
        bounds = torch.where(before > 0, self._bounds * after / before, self._bounds)
        return _WatchedMap(normalised, bounds, self._judge)

    def _activated(self, function: Any, further: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        if function not in _NOT_STEEP:
            self._finish = partial(self._judge, bounds=torch.full_like(self._bounds, float("inf")))
        return super()._activated(function, further, kwargs)


def _ranges(maps: Tensor) -> Tensor:
    """Largest minus smallest number of each channel, (C)."""
    return maps.amax((0, 2, 3)) - maps.amin((0, 2, 3))


def _watching(name: str, found: Dict[str, Reconstruction]) -> Any:
    """A forward hook that has a layer's output judged once it is activated, and leaves it as it is."""

    def judge(exact: Tensor, bounds: Tensor) -> Tensor:
        error = errors(exact)
        found[name] = Reconstruction(
            name,
            largest_error=float(error.max()),
            mean_error=float(error.mean()),
            largest_bound=float(error_bounds(exact).max()),
            largest_input_bound=float(bounds.max()),
            range=float(exact.max() - exact.min()),
        )
        return exact

    def watch(conv: nn.Conv2d, inputs: Tuple[Any, ...], output: Any) -> VirtualMap:
        return _WatchedMap(output, input_bounds(conv, materialised(inputs[0], "the bound from the input")), judge)

    return watch
