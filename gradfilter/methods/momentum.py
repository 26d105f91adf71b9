"""What an optimizer remembers of a parameter's gradients."""

from torch import Tensor
from torch.optim import Optimizer

from gradfilter.errors import NoMomentum

_NAMES = ("momentum_buffer", "exp_avg")  # as SGD and the Adam family call it


def mean_momentum(optimizer: Optimizer, parameter: Tensor) -> float:
    """The mean of the absolute momentum of a parameter's numbers.

    Raises:
        NoMomentum: the optimizer keeps none of this parameter.
    """
    state = optimizer.state.get(parameter, {})
    for name in _NAMES:
        if state.get(name) is not None:
            return float(state[name].abs().mean())
    raise NoMomentum(
        "%s keeps no momentum of this parameter, and an adaptive bound is set from it. Give the optimizer a momentum "
        "above 0, or set the bound relative or absolute." % type(optimizer).__name__
    )
