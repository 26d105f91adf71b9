"""Whether a network takes images of a size, tried on one image."""

from typing import Any, Optional, Sequence, cast

import torch
from torch import Tensor, nn

from gradfilter.bench.errors import RefusedWorkload, in_words, is_out_of_memory


def check_image_size(model: nn.Module, name: str, image_size: int) -> Tensor:
    """Try one image through the network; what it gives for it.

    Raises:
        RefusedWorkload: the network does not take images of this size, though it does take its own
            where it tells one.
    """
    native = _published_size(model)
    try:
        return _forward_one(model, image_size)
    except Exception as error:  # a library's or the board's own code, which raises what it likes
        if image_size == native or is_out_of_memory(error):
            raise
        if native is None:
            advice = "Choose another image_size or model."
            side = "a size that it does not take"
        else:
            _forward_one(model, native)
            advice = "It was published for %d: set image_size to that, or choose another model." % native
            side = "it is %s than the network allows" % ("smaller" if image_size < native else "larger")
        raise RefusedWorkload(
            "image_size",
            "image_size %d does not fit model %r, %s (%s). %s" % (image_size, name, side, in_words(error), advice),
        ) from error


def check_output(output: Any, name: str, expected: Sequence[int]) -> None:
    """See that what the network gives for one image is a tensor of the expected shape.

    Raises:
        RefusedWorkload: it is something else.
    """
    given = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if given != tuple(expected):
        raise RefusedWorkload(
            "model",
            "model %r gives %s for one image, and the data set asks for %s. Choose a model for that task, or correct "
            "its factory." % (name, given, tuple(expected)),
        )


def _published_size(model: nn.Module) -> Optional[int]:
    """The image size that the network was published for, in pixels; None where none is told."""
    config: Any = getattr(model, "default_cfg", None) or {}
    return int(config["input_size"][-1]) if "input_size" in config else None


def _forward_one(model: nn.Module, image_size: int) -> Tensor:
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            device = next(model.parameters()).device
            return cast("Tensor", model(torch.zeros(1, 3, image_size, image_size, device=device)))
    finally:
        model.train(was_training)
