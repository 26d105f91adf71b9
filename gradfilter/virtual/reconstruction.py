"""How far virtual pooling's maps are from the exact ones on some images, beside what they can be at most.

An interpolated number is a mean of the samples around it, so it differs from the exact one by no more than the exact
one does from the farthest of those samples: the bound here, number by number (derived here; the paper states a bound of
its own, which is not this one).
"""

import copy
from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

import torch
from torch import Tensor, nn

from gradfilter.virtual.interpolation import interpolate
from gradfilter.virtual.layers import whole_output
from gradfilter.virtual.maps import VirtualMap


class Reconstruction(NamedTuple):
    """One layer's activated output: its errors, measured, and their bound. All in the output's own numbers.

    largest_error and mean_error: absolute. largest_bound: of any number; no number's error is above its own bound.
    range: largest minus smallest exact number.
    """

    name: str
    largest_error: float
    mean_error: float
    largest_bound: float
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


def _samples_beside(size: int, device: torch.device) -> Tuple[Tensor, Tensor]:
    """The samples before and behind each position of an axis; at a sample, and where none is behind, the same twice."""
    positions = torch.arange(size, device=device)
    before = positions - positions % 2
    behind = before + 2 * (positions % 2)
    return before, torch.where(behind < size, behind, before)


def _watching(name: str, found: Dict[str, Reconstruction]) -> Any:
    """A forward hook that has a layer's output judged once it is activated, and leaves it as it is."""

    def judge(exact: Tensor) -> Tensor:
        error = errors(exact)
        spread = float(exact.max() - exact.min())
        found[name] = Reconstruction(
            name, float(error.max()), float(error.mean()), float(error_bounds(exact).max()), spread
        )
        return exact

    return lambda _, __, output: VirtualMap(output, output.shape, judge)
