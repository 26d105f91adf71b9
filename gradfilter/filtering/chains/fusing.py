"""When chains form: while a model that was prepared for them runs, with gradients.

A forward hook of the model ends them, so that ordinary tensors leave it; convolutions called by themselves give
ordinary tensors too.
"""

import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional

import torch
from torch import Tensor, nn

from gradfilter.filtering.chains import operations  # noqa: F401 - fills the table of handlers
from gradfilter.filtering.chains.branches import LayerRun
from gradfilter.filtering.chains.calls import is_inside
from gradfilter.filtering.chains.deferred import Deferred, end_chains
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.functions import ConvolutionLink
from gradfilter.filtering.chains.pending import PendingConvolution
from gradfilter.filtering.chains.values import Value
from gradfilter.filtering.convolution import plain_convolution
from gradfilter.filtering.operators import compiling
from gradfilter.filtering.precision import autocasts
from gradfilter.filtering.shape import FilterShape
from gradfilter.filtering.stand_in import StandIn, materialised

AT_PATCHES = "at patch resolution"


class _Thread(threading.local):
    """What a block asked for: the calls of convolutions that are being recorded, and whether layers run apart."""

    def __init__(self) -> None:
        self.recorded: Optional[List[LayerRun]] = None
        self.apart = False


_THREAD = _Thread()


def form_chains(model: nn.Module) -> None:
    """Let the filtered convolutions of a model run in chains, whenever the model itself is called."""
    model.register_forward_hook(end_chains)


def form_no_chains(model: nn.Module) -> None:
    """Undo form_chains; nothing where it was not done. A handle kept for it would be no part of a copy of the model."""
    hooks = model._forward_hooks  # noqa: SLF001
    for key in [key for key, hook in hooks.items() if hook is end_chains]:
        del hooks[key]


@contextmanager
def layers_apart() -> Iterator[None]:
    """Run every filtered convolution by itself inside the block, whatever the model was prepared for."""
    before, _THREAD.apart = _THREAD.apart, True
    try:
        yield
    finally:
        _THREAD.apart = before


@contextmanager
def recording_runs(model: nn.Module) -> Iterator[Dict[str, str]]:
    """How each filtered convolution that ran in a chain inside the block takes its backward pass, by module name.

    AT_PATCHES, or "at full resolution, for ..." with what asked for its output as a full map. What ran by itself
    is absent.
    """
    runs: Dict[str, str] = {}
    before, _THREAD.recorded = _THREAD.recorded, []
    try:
        yield runs
        names = {id(parameter): name.rpartition(".")[0] for name, parameter in model.named_parameters()}
        runs.update((names[id(run.weight)], _words(run)) for run in _THREAD.recorded if id(run.weight) in names)
    finally:
        _THREAD.recorded = before


def runs_in_chain(input: Any, weight: Tensor) -> bool:  # noqa: A002 - nn.Conv2d's own name
    """Whether a convolution is part of a chain, here and now."""
    like = input.sample if isinstance(input, StandIn) else input
    return (
        torch.is_grad_enabled()
        and not compiling()
        and input.dim() == 4  # noqa: PLR2004 - a batch of images
        and like.dtype is weight.dtype
        and weight.dtype in (torch.float32, torch.float64)
        and not _THREAD.apart
        and not autocasts(like.device.type)
        and is_inside(end_chains)
    )


def chained_convolution(
    input: Any,  # noqa: A002 - nn.Conv2d's own name
    weight: Tensor,
    bias: Optional[Tensor],
    shape: FilterShape,
    *,
    at_once: bool = False,
) -> Any:
    """A filtered convolution of a map in a chain, or of a tensor with which one begins: the output, deferred.

    It is computed when something asks for the output, or at once; always at once where a tensor from outside is read
    for it, as that could be changed in between. Without a gradient anywhere, the output is an ordinary tensor.
    """
    value: Value = input.value if isinstance(input, Deferred) else Entered(materialised(input, "a chain"))
    if not (value.requires_grad or weight.requires_grad or (bias is not None and bias.requires_grad)):
        return plain_convolution(value.map, weight, bias, shape)
    images, inputs, *sizes = value.shape
    output_sizes = shape.output_size(sizes, weight.shape[2:])
    size = torch.Size([images, weight.size(0), *output_sizes])
    pending = PendingConvolution(value, weight, bias, ConvolutionLink(shape, shape.grids(sizes, output_sizes), size))
    if _THREAD.recorded is not None:
        _THREAD.recorded.append(pending.run)
    is_odd = inputs != weight.size(1) * shape.groups or min(size) < 1  # torch has words for that
    return Deferred(pending.compute() if at_once or is_odd or value.may_change else pending)


def _words(run: LayerRun) -> str:
    return "at full resolution, for %s" % ", ".join(dict.fromkeys(run.ended_by)) if run.ended_by else AT_PATCHES
