"""Operations of one training step, forward and backward: modelled, not measured.

Where torch has a counter of dispatched operators (torch.utils.flop_counter, torch ≥ 2.1), convolutions
and matrix products of every kind are counted; elsewhere Conv2d and Linear layers only, by the formulas
in layer_flops.py. Filtered layers always count by formula, in the same convention.
"""

import copy
import importlib.util
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

import torch
from torch import Tensor, nn

from gradfilter.filtering import FilteredConv2d
from gradfilter.inspection.layer_flops import Flops, LayerCall, call_flops, plain_flops, product
from gradfilter.inspection.randomness import borrowed_randomness
from gradfilter.virtual.maps import computed

BatchLoss = Callable[[nn.Module], Tensor]

BY_COUNTER = "torch.utils.flop_counter, filtered layers by formula"
BY_FORMULA = "Conv2d and Linear layers by formula"


@dataclass
class StepFlops:
    """FLOPs of a step, one multiply-add being 2: of the whole step, and of each Conv2d and Linear by formula.

    source: what the total was obtained from, BY_COUNTER or BY_FORMULA.
    """

    total: Flops
    source: str
    layers: Dict[str, Flops] = field(default_factory=dict)
    kind: str = "modelled"


def step_flops(model: nn.Module, batch_loss: BatchLoss) -> StepFlops:
    """The operations of batch_loss(model).backward(); runs on a copy, so that the model stays as it is.

    batch_loss: computes the scalar loss of one batch with the model that it is given.
    """
    model = copy.deepcopy(model)
    with borrowed_randomness(model), recording_calls(model) as calls:
        batch_loss(model)
    layers = {name: _sum(map(call_flops, made)) for name, made in calls.items()}
    if not _has_counter():
        return StepFlops(_sum(layers.values()), BY_FORMULA, layers)
    filtered = [call for made in calls.values() for call in made if isinstance(call.layer, FilteredConv2d)]
    by_formula = _sum(call_flops(call) for call in filtered).minus(_sum(plain_flops(call) for call in filtered))
    for module in model.modules():
        if isinstance(module, FilteredConv2d):
            FilteredConv2d.restore(module)
    return StepFlops(_counted(model, batch_loss).plus(by_formula), BY_COUNTER, layers)


@contextmanager
def recording_calls(model: nn.Module) -> Iterator[Dict[str, List[LayerCall]]]:
    """The calls of every Conv2d and Linear inside the block, by module name."""
    layers = {name: module for name, module in model.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))}
    calls: Dict[str, List[LayerCall]] = {name: [] for name in layers}

    def recording(made: List[LayerCall]) -> Callable[..., None]:
        return lambda layer, inputs, output: made.append(LayerCall.of(layer, inputs[0], computed(output)))

    hooks = [layer.register_forward_hook(recording(calls[name])) for name, layer in layers.items()]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _has_counter() -> bool:
    return importlib.util.find_spec("torch.utils.flop_counter") is not None


def _counted(model: nn.Module, batch_loss: BatchLoss) -> Flops:
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415 - torch before 2.1 has none

    corrected = {torch.ops.aten.convolution_backward: _convolution_backward_flops}
    with borrowed_randomness(model), FlopCounterMode(display=False, custom_mapping=corrected) as counter:
        loss = batch_loss(model)
        forward = counter.get_total_flops()
        if loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
    return Flops(forward, counter.get_total_flops() - forward)


def _convolution_backward_flops(dy: Any, x: Any, weight: Any, *rest: Any, **_: Any) -> int:
    """The counter's own formula takes the weight gradient of a grouped convolution for that of an ungrouped one.

    dy, x and weight are shapes, or tensors where the counter is old.
    """
    _, _, _, _, transposed, _, _, wanted = rest
    scattered, kernel = _shape(x if transposed else dy), _shape(weight)
    return 2 * product(scattered) * product(kernel[1:]) * (bool(wanted[0]) + bool(wanted[1]))


def _shape(value: Any) -> Tuple[int, ...]:
    return tuple(getattr(value, "shape", value))


def _sum(several: Iterable[Flops]) -> Flops:
    result = Flops()
    for one in several:
        result = result.plus(one)
    return result
