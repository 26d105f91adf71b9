"""How near the weight gradients of a changed model are to the exact ones, on one batch."""

from math import isfinite, log10
from typing import Dict, List, Optional, Sequence

import torch
from torch import Tensor, nn

from gradfilter.bench.schema import LayerGradient
from gradfilter.inspection.randomness import borrowed_randomness
from gradfilter.inspection.step_flops import BatchLoss


def compare_gradients(
    exact_model: nn.Module, changed_model: nn.Module, batch_loss: BatchLoss, layer_names: Sequence[str]
) -> List[LayerGradient]:
    """Compare the weight gradients of two models with the same weights, layer by layer, in the order of the names.

    batch_loss: computes the scalar loss of one batch with the model that it is given, the same batch
    each time. Both models draw the same random numbers. No .grad is touched; running statistics move
    as in any forward pass.

    Raises:
        ValueError: a layer is missing, or batch_loss returns what has no gradient.
    """
    exact = weight_gradients(exact_model, batch_loss, layer_names)
    changed = weight_gradients(changed_model, batch_loss, layer_names)
    return [_compare(name, exact_model, exact[name], changed[name]) for name in layer_names]


def weight_gradients(
    model: nn.Module, batch_loss: BatchLoss, layer_names: Sequence[str]
) -> Dict[str, Optional[Tensor]]:
    """The gradient of each layer's weight; None where it has no trained weight or the loss does not depend on it.

    Raises:
        ValueError: a layer is missing, or batch_loss returns what has no gradient.
    """
    modules = dict(model.named_modules())
    missing = [name for name in layer_names if name not in modules]
    if missing:
        raise ValueError("layer_names names modules that the model does not have: %s." % ", ".join(missing))
    weights = {name: _weight(modules[name]) for name in layer_names}
    trained = {name: weight for name, weight in weights.items() if weight is not None and weight.requires_grad}
    with borrowed_randomness(model):
        loss = batch_loss(model)
        _check_loss(loss, needs_gradient=bool(trained))
        gradients = torch.autograd.grad(loss, list(trained.values()), allow_unused=True) if trained else ()
    found = dict(zip(trained, gradients))
    return {name: found.get(name) for name in layer_names}


def _check_loss(loss: Tensor, *, needs_gradient: bool) -> None:
    if not isinstance(loss, Tensor) or loss.dim() > 0:
        got = "one of shape %s" % (tuple(loss.shape),) if isinstance(loss, Tensor) else "a " + type(loss).__name__
        raise ValueError("batch_loss must return a scalar tensor, got %s." % got)
    if needs_gradient and not loss.requires_grad:
        raise ValueError(
            "batch_loss returned a loss without a gradient: compute it from the model that batch_loss is given, "
            "outside torch.no_grad() and without detach() or item()."
        )


def _weight(module: nn.Module) -> Optional[nn.Parameter]:
    return dict(module.named_parameters(recurse=False)).get("weight")


def _compare(name: str, model: nn.Module, exact: Optional[Tensor], changed: Optional[Tensor]) -> LayerGradient:
    if exact is None or changed is None:
        return LayerGradient(name=name, reason=_absence(dict(model.named_modules())[name]))
    exact, changed = exact.double(), changed.double()
    size, changed_size, error = (float(t.norm()) for t in (exact, changed, exact - changed))
    if not (isfinite(size) and isfinite(changed_size)):
        return LayerGradient(name=name, reason="a gradient is not finite")
    if size == 0 or changed_size == 0:
        return LayerGradient(name=name, reason="a gradient is zero, so that it has no direction")
    cosine = float((exact * changed).sum()) / (size * changed_size)
    snr_db = 20 * log10(size / error) if error else None
    return LayerGradient(name=name, cosine=cosine if error else 1.0, snr_db=snr_db)


def _absence(module: nn.Module) -> str:
    weight = _weight(module)
    if weight is None:
        return "it has no weight"
    if not weight.requires_grad:
        return "frozen: its weight is not trained"
    return "the loss does not depend on it"
