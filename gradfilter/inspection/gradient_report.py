"""What a method would do to a model's gradients, operations and kept bytes, layer by layer, on one batch."""

import copy
from typing import Dict, Sequence, Tuple

from torch import nn

from gradfilter.filtering.chains.fusing import layers_apart
from gradfilter.inspection.gradients import compare_gradients
from gradfilter.inspection.randomness import borrowed_randomness
from gradfilter.inspection.report import Cost, GradientReport, LayerReport
from gradfilter.inspection.saved_bytes import counting_saved_bytes, counting_saved_bytes_by_layer
from gradfilter.inspection.step_flops import BatchLoss, step_flops
from gradfilter.methods import Method, changed_layers


def gradient_report(model: nn.Module, method: Method, batch_loss: BatchLoss) -> GradientReport:
    """Compare training with a method to plain training on one batch.

    batch_loss: computes the scalar loss of one batch with the model that it is given, the same batch
    each time. Everything runs on copies: the model, its gradients and running statistics, the method
    and the random generators of torch and Python stay as they are.

    Raises:
        UnsupportedModel: the method cannot handle the model, or has been applied to it.
        ValueError: batch_loss returns what has no gradient.
    """
    with borrowed_randomness(model):
        changed = copy.deepcopy(method).apply(copy.deepcopy(model))
    exact, earlier = copy.deepcopy(model), changed_layers(model)
    changes = {layer.name: layer.change for layer in changed_layers(changed) if layer not in earlier}
    gradients = compare_gradients(exact, changed, batch_loss, list(changes))
    before, layers_before, source = _costs(exact, batch_loss, list(changes))
    after, layers_after, _ = _costs(changed, batch_loss, list(changes))
    layers = [
        LayerReport(changes[gradient.name], gradient, layers_before[gradient.name], layers_after[gradient.name])
        for gradient in gradients
    ]
    return GradientReport(method.name, before, after, source, layers)


def _costs(model: nn.Module, batch_loss: BatchLoss, names: Sequence[str]) -> Tuple[Cost, Dict[str, Cost], str]:
    """The cost of a whole step, of each of these layers by itself, and where the step's FLOPs are from."""
    flops = step_flops(model, batch_loss)
    with borrowed_randomness(model), counting_saved_bytes(model) as step:
        batch_loss(model)
    # In a chain, what a layer keeps is kept on behalf of its neighbours too.
    with borrowed_randomness(model), layers_apart(), counting_saved_bytes_by_layer(model, names) as saved:
        batch_loss(model)
    layers = {name: Cost(saved.layers[name].total, flops.layers.get(name)) for name in names}
    return Cost(step.total, flops.total), layers, flops.source
