"""When chains form: while a model that was prepared for them runs, with gradients.

The model's own hooks begin and end it, so that convolutions called by themselves give ordinary tensors, and so does
the model.
"""

import threading
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional

import torch
from torch import Tensor, nn

from gradfilter.filtering.chains import operations  # noqa: F401 - fills the table of handlers
from gradfilter.filtering.chains.branches import Branch, LayerRun
from gradfilter.filtering.chains.deferred import Deferred, is_checkpointing, materialised
from gradfilter.filtering.chains.entered import Entered
from gradfilter.filtering.chains.functions import PatchConvolution
from gradfilter.filtering.chains.values import Blend, Value
from gradfilter.filtering.convolution import plain_convolution
from gradfilter.filtering.operators import compiling
from gradfilter.filtering.precision import autocasts
from gradfilter.filtering.shape import FilterShape

LAYER_BY_LAYER = "layer by layer"
AT_PATCHES = "at patch resolution"


class _Thread(threading.local):
    """The models that run now, outermost first, and the calls of convolutions that are being recorded."""

    def __init__(self) -> None:
        self.models: List[int] = []
        self.recorded: Optional[List[LayerRun]] = None
        self.apart = False


_THREAD = _Thread()


def form_chains(model: nn.Module) -> None:
    """Let the filtered convolutions of a model run in chains, whenever the model itself is called."""
    model.register_forward_pre_hook(_begin)
    model.register_forward_hook(_end)


def form_no_chains(model: nn.Module) -> None:
    """Undo form_chains; nothing where it was not done. A handle kept for it would be no part of a copy of the model."""
    for hooks, ours in ((model._forward_pre_hooks, _begin), (model._forward_hooks, _end)):  # noqa: SLF001
        for key in [key for key, hook in hooks.items() if hook is ours]:
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
    """How each filtered convolution that ran inside the block took its backward pass, by module name, after it.

    AT_PATCHES, LAYER_BY_LAYER, or "at full resolution, for ..." with what asked for its output as a full map.
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
    if not (isinstance(input, Deferred) or _THREAD.models) or not torch.is_grad_enabled() or compiling():
        return False
    return (
        input.dim() == 4  # noqa: PLR2004 - a batch of images
        and input.dtype == weight.dtype
        and weight.dtype in (torch.float32, torch.float64)
        and not _THREAD.apart
        and not autocasts(input.device.type)
        and not is_checkpointing()
    )


def chained_convolution(input: Any, weight: Tensor, bias: Optional[Tensor], shape: FilterShape) -> Any:  # noqa: A002
    """A filtered convolution of a map in a chain, or of a tensor with which one begins: the output, deferred.

    Without a gradient anywhere, the output is an ordinary tensor.
    """
    value: Value = input.value if isinstance(input, Deferred) else Entered(input)
    size = value.shape[2:]
    grids = shape.grids(size, shape.output_size(size, tuple(weight.shape[2:])))
    token = value.token(grids[0])  # before the map, as one pass gives both
    if token is None:
        value = Entered(value.tensor("patches that do not lie in its own"))
        token = value.token(grids[0])
    with torch.no_grad():
        y = plain_convolution(value.map, weight, bias, shape)
    y_token = PatchConvolution.apply(token, weight, bias, shape, y, grids)  # type: ignore[no-untyped-call]
    if not y_token.requires_grad:
        return y
    run = LayerRun(weight)
    if _THREAD.recorded is not None:
        _THREAD.recorded.append(run)
    return Deferred(Blend([Branch(y, y_token, grids[1], run)]))


def _begin(model: nn.Module, _: Any) -> None:
    if compiling() or _THREAD.apart:
        return
    _forget(model)  # where a forward pass raised, its end never came
    _THREAD.models.append(id(model))


def _end(model: nn.Module, _: Any, output: Any) -> Any:
    if compiling():
        return None
    _forget(model)
    return materialised(output, "the model's output")


def _forget(model: nn.Module) -> None:
    if id(model) in _THREAD.models:
        del _THREAD.models[_THREAD.models.index(id(model)) :]


def _words(run: LayerRun) -> str:
    return "at full resolution, for %s" % ", ".join(dict.fromkeys(run.ended_by)) if run.ended_by else AT_PATCHES
