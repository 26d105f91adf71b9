"""Which mode a network's layers are in while it trains."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def set_training_mode(model: nn.Module, batch_norm: str) -> None:
    """Training mode; but normalise with the stored statistics where batch_norm is 'eval' or the layer is frozen.

    A frozen layer whose statistics still moved would be trained after all.
    """
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm) and (batch_norm == "eval" or _is_frozen(module)):
            module.eval()


def _is_frozen(module: nn.Module) -> bool:
    parameters = list(module.parameters())
    return bool(parameters) and not any(parameter.requires_grad for parameter in parameters)
