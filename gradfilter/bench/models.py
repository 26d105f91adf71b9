"""Names of models to networks: every model of the installed timm, and one of our own for tests.

The head has as many outputs as the data have classes; weights are random from the seed. Images are
always three-channel, so that published architectures are built as published.
"""

import difflib
from typing import Any, List, Tuple, cast

import torch
from torch import Tensor, nn

from gradfilter.bench import tiny_cnn
from gradfilter.bench.errors import RefusedWorkload, is_out_of_memory
from gradfilter.bench.torchvision_operators import declare_missing_operators

_NEAREST = 5
_TINY = "tiny_cnn"


def model_names() -> List[str]:
    """Every model that build_model takes, sorted."""
    return sorted([_TINY, *_timm().list_models()])


def build_model(name: str, num_classes: int, seed: int) -> nn.Module:
    """A freshly initialised network, the same for the same seed.

    Raises:
        RefusedWorkload: no model has this name, or it cannot be built as a classifier.
    """
    torch.manual_seed(seed)
    if name == _TINY:
        return tiny_cnn.TinyCnn(num_classes)
    if name not in _timm().list_models():
        raise RefusedWorkload("model", _unknown_model(name))
    try:
        return cast("nn.Module", _timm().create_model(name, pretrained=False, num_classes=num_classes))
    except (TypeError, ValueError, RuntimeError) as error:
        raise RefusedWorkload(
            "model", "model %r cannot be built with %d classes (%s). Choose another." % (name, num_classes, error)
        ) from error


def library_version(name: str) -> str:
    """The version of the library that a model comes from; '' for our own."""
    return "" if name == _TINY else "timm " + str(_timm().__version__)


def native_image_size(model: nn.Module) -> int:
    """The image size that the network was published for, in pixels."""
    if isinstance(model, tiny_cnn.TinyCnn):
        return tiny_cnn.INPUT_SIZE
    config: Any = getattr(model, "default_cfg", None) or {}
    return int(config["input_size"][-1])


def check_image_size(model: nn.Module, name: str, image_size: int) -> None:
    """Try one image through the network.

    Raises:
        RefusedWorkload: the network does not take images of this size but does take its own.
    """
    native = native_image_size(model)
    try:
        _forward_one(model, image_size)
    except (RuntimeError, ValueError, AssertionError) as error:
        if image_size == native or is_out_of_memory(error):
            raise
        _forward_one(model, native)
        side = "smaller than" if image_size < native else "larger than"
        raise RefusedWorkload(
            "image_size",
            "image_size %d does not fit model %r, it is %s the network allows (%s). It was published for %d: "
            "set image_size to that, or choose another model."
            % (image_size, name, side, str(error).splitlines()[0], native),
        ) from error


def head_modules(model: nn.Module) -> Tuple[nn.Module, ...]:
    """The classifier of a model, which some models have twice; empty where it has none."""
    classifier: Any = getattr(model, "get_classifier", tuple)()
    heads = classifier if isinstance(classifier, (tuple, list)) else (classifier,)
    return tuple(head for head in heads if isinstance(head, nn.Module) and any(True for _ in head.parameters()))


def _forward_one(model: nn.Module, image_size: int) -> Tensor:
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            device = next(model.parameters()).device
            return cast("Tensor", model(torch.zeros(1, 3, image_size, image_size, device=device)))
    finally:
        model.train(was_training)


def _unknown_model(name: str) -> str:
    nearest = difflib.get_close_matches(name, model_names(), n=_NEAREST)
    hint = "The nearest names are %s." % ", ".join(nearest) if nearest else "No name is near it."
    return "model %r is unknown to timm %s on this board. %s" % (name, _timm().__version__, hint)


def _timm() -> Any:
    # Imported late: it takes seconds, and our own small network does without it.
    declare_missing_operators()
    import timm  # noqa: PLC0415

    return timm
