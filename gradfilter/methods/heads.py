"""The head of a network: its last part, which has one output per class."""

from typing import Any, List, Tuple

from torch import nn


def head_modules(model: nn.Module) -> Tuple[nn.Module, ...]:
    """The classifier of a model, which some models have twice; empty where it has none.

    timm's models and our own answer get_classifier(); those of segmentation-models-pytorch call
    theirs segmentation_head.
    """
    classifier: Any = getattr(model, "get_classifier", tuple)()
    heads = classifier if isinstance(classifier, (tuple, list)) else (classifier,)
    heads = heads or (getattr(model, "segmentation_head", None),)
    return tuple(head for head in heads if isinstance(head, nn.Module) and any(True for _ in head.parameters()))


def head_names(model: nn.Module) -> List[str]:
    """The qualified names of the head's modules."""
    heads = head_modules(model)
    return [name for name, module in model.named_modules() if any(module is head for head in heads)]
