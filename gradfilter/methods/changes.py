"""What methods did to a model: a note on the module they were applied to.

The note is a plain attribute. It travels with deepcopy and pickle, and is no part of the state dict.
"""

from typing import Dict, Iterator, List, Tuple

from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.errors import AlreadyApplied, NotApplied

_NOTE = "gradfilter_changes"


def note_changes(model: nn.Module, method: str, layers: List[MethodedLayer]) -> None:
    """Write down that a method was applied to this module, and which of its layers it changed."""
    notes: Dict[str, List[MethodedLayer]] = {**getattr(model, _NOTE, {}), method: layers}
    setattr(model, _NOTE, notes)


def changed_layers(model: nn.Module) -> List[MethodedLayer]:
    """Every layer that a method changed, named as seen from this module."""
    return [
        MethodedLayer(".".join(filter(None, (prefix, layer.name))), layer.change)
        for prefix, _, _, layers in _notes(model)
        for layer in layers
    ]


def refuse_second_application(model: nn.Module, method: str) -> None:
    """Refuse a model that carries a note of this method, on itself or on a part of it.

    Raises:
        AlreadyApplied: with the place.
    """
    for prefix, _, applied, _ in _notes(model):
        if applied == method:
            place = "to its part %s" % prefix if prefix else "to it"
            raise AlreadyApplied(
                method, ["%s was already applied %s. Apply it once, to a fresh model." % (method, place)]
            )


def parts_with(model: nn.Module, method: str) -> List[Tuple[nn.Module, List[MethodedLayer]]]:
    """The modules that a method was applied to, the model itself or parts of it, each with its changed layers.

    Raises:
        NotApplied: there are none.
    """
    parts = [(module, layers) for _, module, applied, layers in _notes(model) if applied == method]
    if not parts:
        raise NotApplied(
            "%s was not applied to this model or to a part of it, so there is nothing to remove. "
            "A method is removed from the module that it was applied to, or from one around it." % method
        )
    return parts


def forget_changes(module: nn.Module, method: str) -> None:
    """Take back the note that a method was applied to this module."""
    notes = {applied: layers for applied, layers in getattr(module, _NOTE).items() if applied != method}
    if notes:
        setattr(module, _NOTE, notes)
    else:
        delattr(module, _NOTE)


def _notes(model: nn.Module) -> Iterator[Tuple[str, nn.Module, str, List[MethodedLayer]]]:
    """Prefix, module, method and changed layers; without those that went when another method was removed."""
    for prefix, module in model.named_modules():
        for method, layers in getattr(module, _NOTE, {}).items():
            there = dict(module.named_modules())
            yield prefix, module, method, [layer for layer in layers if layer.name in there]
