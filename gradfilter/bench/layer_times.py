"""How long each layer takes, forward and backward, out of what torch.profiler saw of a few steps.

A layer's forward pass is named while it is profiled. Its backward pass are the autograd functions that it left: PyTorch
numbers them as they are made, and the profiler notes the number beside the operator that made one and again where the
function is evaluated. What a layer computes anew in the backward pass, as checkpointing does, counts as backward. Where
layers run as a chain, the work stands beside the layer whose forward pass made the function that does it.

Of steps that compute on the CPU times are those of the threads that run Python and autograd; else, of the kernels.
"""

from bisect import bisect_right
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Tuple

import torch
from torch import nn
from torch.profiler import record_function

from gradfilter.bench.schema import LayerTime

STEP = "gradfilter step"
LAYER = "gradfilter layer "
_BACKWARD = "autograd::engine::evaluate_function"
_DEVICE_TIMES = ("self_device_time_total", "self_cuda_time_total")  # by the name of the torch release
_S_PER_US = 1e-6


class _Function(NamedTuple):
    """An autograd function: the thread that made it, and its number among those of that thread."""

    thread: int
    number: int


@contextmanager
def naming_layers(layers: Mapping[str, nn.Module]) -> Iterator[None]:
    """Have the profiler see what belongs to the forward pass of each layer."""
    open_ranges: List[Any] = []

    def starting(name: str) -> Callable[..., None]:
        def start(*_: Any) -> None:
            open_ranges.append(record_function(LAYER + name))
            open_ranges[-1].__enter__()

        return start

    def end(*_: Any) -> None:
        open_ranges.pop().__exit__(None, None, None)

    hooks = [layer.register_forward_pre_hook(starting(name)) for name, layer in layers.items()]
    hooks += [layer.register_forward_hook(end) for layer in layers.values()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def layer_times(events: Any, layers: Mapping[str, nn.Module], device: torch.device) -> List[LayerTime]:
    """What each layer took in each step, in the order of the layers.

    events: a profiler's, of steps named STEP. device: where they computed, which a board's accelerator need not be.
    """
    on_host = [one for one in events if one.device_type.name == "CPU"]
    starts = sorted(one.time_range.start for one in on_host if one.name == STEP)
    makers = _makers(on_host)
    found = {name: LayerTime(name, [0.0] * len(starts), [0.0] * len(starts)) for name in layers}
    for event in on_host:
        step = bisect_right(starts, event.time_range.start) - 1
        layer, backward = _belongs(event, makers)
        if step >= 0 and layer in found:
            times = found[layer].backward_s if backward else found[layer].forward_s
            times[step] += _own_s(event, device)
    return list(found.values())


def device_time_us(event: Any) -> float:
    """What an operator's own kernels took on an accelerator, in microseconds."""
    return next((float(getattr(event, name)) for name in _DEVICE_TIMES if hasattr(event, name)), 0.0)


def _makers(events: List[Any]) -> Dict[_Function, str]:
    """Which layer made each autograd function: operators carry the next number, so that the last to do so made it."""
    made = {}
    for event in sorted(events, key=lambda one: float(one.time_range.start)):
        within = next((one.name for one in _lineage(event) if one.name.startswith((LAYER, _BACKWARD))), LAYER)
        if event.sequence_nr >= 0 and within.startswith(LAYER):  # else it evaluates a function, and makes none
            made[_Function(event.thread, event.sequence_nr)] = within[len(LAYER) :]
    return made


def _belongs(event: Any, makers: Dict[_Function, str]) -> Tuple[str, bool]:
    """The layer that an event works for, '' for none, and whether in the backward pass."""
    layer, backward = "", False
    for one in _lineage(event):
        if one.name.startswith(LAYER):
            layer = layer or one.name[len(LAYER) :]
        elif one.fwd_thread:  # it is a function that this thread made
            layer = layer or makers.get(_Function(one.fwd_thread, one.sequence_nr), "")
        backward = backward or one.name.startswith(_BACKWARD)
    return layer, backward


def _lineage(event: Any) -> Iterator[Any]:
    """The event, and those within which it happened."""
    while event is not None:
        yield event
        event = event.cpu_parent


def _own_s(event: Any, device: torch.device) -> float:
    """The time of the event without those within it; a name by itself takes none on an accelerator."""
    if device.type == "cpu":
        return float(event.self_cpu_time_total) * _S_PER_US
    return 0.0 if event.name.startswith(LAYER) else device_time_us(event) * _S_PER_US
