"""What methods did to a model: a note on the module they were applied to.

The note is a plain attribute. It travels with deepcopy and pickle, and is no part of the state dict.
"""

from typing import Dict, Iterator, List, Tuple

from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.errors import AlreadyApplied

_NOTE = "gradfilter_changes"


def note_changes(model: nn.Module, method: str, layers: List[MethodedLayer]) -> None:
    """Write down that a method was applied to this module, and which of its layers it changed."""
    notes: Dict[str, List[MethodedLayer]] = {**getattr(model, _NOTE, {}), method: layers}
    setattr(model, _NOTE, notes)


def changed_layers(model: nn.Module) -> List[MethodedLayer]:
    """Every layer that a method changed, named as seen from this module."""
    return [
        MethodedLayer(".".join(filter(None, (prefix, layer.name))), layer.change)
        for prefix, _, layers in _notes(model)
        for layer in layers
    ]


def refuse_second_application(model: nn.Module, method: str) -> None:
    """Refuse a model that carries a note of this method, on itself or on a part of it.

    Raises:
        AlreadyApplied: with the place.
    """
    for prefix, applied, _ in _notes(model):
        if applied == method:
            place = "to its part %s" % prefix if prefix else "to it"
            raise AlreadyApplied(
                method, ["%s was already applied %s. Apply it once, to a fresh model." % (method, place)]
            )


def _notes(model: nn.Module) -> Iterator[Tuple[str, str, List[MethodedLayer]]]:
    for prefix, module in model.named_modules():
        for method, layers in getattr(module, _NOTE, {}).items():
            yield prefix, method, layers
