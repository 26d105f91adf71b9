"""Whether a network takes images of a size, tried on one image."""

from typing import Any, Optional, cast

import torch
from torch import Tensor, nn

from gradfilter.bench import tiny_cnn
from gradfilter.bench.errors import RefusedWorkload, is_out_of_memory


def native_image_size(model: nn.Module) -> Optional[int]:
    """The image size that the network was published for, in pixels; None where none is told."""
    if isinstance(model, tiny_cnn.TinyCnn):
        return tiny_cnn.INPUT_SIZE
    config: Any = getattr(model, "default_cfg", None) or {}
    return int(config["input_size"][-1]) if "input_size" in config else None


def check_image_size(model: nn.Module, name: str, image_size: int) -> None:
    """Try one image through the network.

    Raises:
        RefusedWorkload: the network does not take images of this size, though it does take its own
            where it tells one.
    """
    native = native_image_size(model)
    try:
        _forward_one(model, image_size)
    except (RuntimeError, ValueError, AssertionError) as error:
        if image_size == native or is_out_of_memory(error):
            raise
        advice = "Choose another size."
        if native is not None:
            _forward_one(model, native)
            advice = "It was published for %d: set image_size to that, or choose another model." % native
        side = "smaller" if native is None or image_size < native else "larger"
        raise RefusedWorkload(
            "image_size",
            "image_size %d does not fit model %r, it is %s than the network allows (%s). %s"
            % (image_size, name, side, str(error).splitlines()[0], advice),
        ) from error


def _forward_one(model: nn.Module, image_size: int) -> Tensor:
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            device = next(model.parameters()).device
            return cast("Tensor", model(torch.zeros(1, 3, image_size, image_size, device=device)))
    finally:
        model.train(was_training)
