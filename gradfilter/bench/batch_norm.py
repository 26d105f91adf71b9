"""Which mode a network's layers are in while it trains."""

from contextlib import contextmanager
from typing import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradfilter.bench.errors import RefusedWorkload

_LONE_VALUE = "Expected more than 1 value per channel"  # torch's words, with the input's shape after them


def set_training_mode(model: nn.Module, batch_norm: str) -> None:
    """Training mode; but normalise with the stored statistics where batch_norm is 'eval' or the layer is frozen.

    A frozen layer whose statistics still moved would be trained after all.
    """
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm) and (batch_norm == "eval" or _is_frozen(module)):
            module.eval()


@contextmanager
def refusing_lone_values() -> Iterator[None]:
    """Say in words that batch normalisation cannot train on a single value per channel.

    Networks with global pooling (deeplabv3, pspnet) meet it with a batch of one, whatever the image's size.
    """
    try:
        yield
    except ValueError as error:
        if _LONE_VALUE not in str(error):
            raise
        raise RefusedWorkload(
            "batch_size",
            "batch_size is too small: batch normalisation in training mode needs more than one value per channel, and "
            "a layer of this model gets one (%s). Set batch_size to 2 or more, or batch_norm to 'eval'."
            % str(error).split("training, ")[-1],
        ) from error


def _is_frozen(module: nn.Module) -> bool:
    parameters = list(module.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)
