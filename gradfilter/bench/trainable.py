"""Which parameters a workload trains: 'all', 'last:k', 'head', 'bias' or module names.

Set before any method is applied, so that the baseline trains exactly what the variants train.
"""

import difflib
from typing import Iterable, List, Sequence, Union

from torch import nn

from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models import head_modules

_FIELD = "trainable"
_NEAREST = 5


def set_trainable(model: nn.Module, trainable: Union[str, List[str]]) -> None:
    """Set requires_grad of every parameter of the model.

    last:k means the last k Conv2d in registration order and the head. A classifier's head is a Linear
    and comes on top; a segmentation model's is a Conv2d, which is the last of the k, as in "the last
    five layers" of gradient filtering's paper. bias means every bias, those of normalisation layers
    included, and the whole head.

    Raises:
        RefusedWorkload: more layers than there are, no head, no parameter, or an unknown name.
    """
    if trainable == "all":
        _train(model, model.parameters())
    elif trainable == "bias":
        _train(model, [p for name, p in model.named_parameters() if name.endswith("bias")], _head(model))
    elif trainable == "head":
        _train(model, [], _head(model))
    elif isinstance(trainable, str):
        _train(model, [], _last_convolutions(model, int(trainable.split(":")[1])) + _head(model))
    else:
        _train(model, [], _named(model, trainable))


def _train(model: nn.Module, parameters: Iterable[nn.Parameter], modules: Sequence[nn.Module] = ()) -> None:
    for parameter in model.parameters():
        parameter.requires_grad = False
    chosen = list(parameters) + [parameter for module in modules for parameter in module.parameters()]
    for parameter in chosen:
        parameter.requires_grad = True
    if not chosen:
        raise RefusedWorkload(_FIELD, "trainable selects no parameter of this model. Name modules that have weights.")


def _last_convolutions(model: nn.Module, count: int) -> List[nn.Module]:
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    if count > len(convolutions):
        raise RefusedWorkload(
            _FIELD,
            "trainable 'last:%d' asks for more convolutions than the model's %d. Choose last:%d or fewer, or 'all'."
            % (count, len(convolutions), max(1, len(convolutions))),
        )
    return list(convolutions[-count:])


def _head(model: nn.Module) -> List[nn.Module]:
    heads = list(head_modules(model))
    if not heads:
        raise RefusedWorkload(_FIELD, "this model has no head to train. Choose 'all' or a list of module names.")
    return heads


def _named(model: nn.Module, names: List[str]) -> List[nn.Module]:
    modules = dict(model.named_modules())
    unknown = [name for name in names if name not in modules]
    if unknown:
        nearest = difflib.get_close_matches(unknown[0], list(modules), n=_NEAREST)
        hint = "The nearest names are %s." % ", ".join(nearest) if nearest else "See model.named_modules()."
        raise RefusedWorkload(
            _FIELD, "trainable names modules that the model does not have: %s. %s" % (", ".join(unknown), hint)
        )
    return [modules[name] for name in names]
