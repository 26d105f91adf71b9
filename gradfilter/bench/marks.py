"""When something happened: the monotonic clock, read after the accelerator has caught up."""

import time
from typing import Callable

try:
    from typing import Literal
except ImportError:  # Python < 3.8: torch 1.10 brings typing_extensions along
    from typing_extensions import Literal

import torch

from gradfilter.bench.errors import RefusedWorkload

Mark = Callable[[], float]
StepPhase = Literal["warm_up", "measured"]


def choose_device(compute: str) -> torch.device:
    """The torch device of a workload's compute.

    Raises:
        RefusedWorkload: the board's torch has no such device.
    """
    if compute == "cuda" and not torch.cuda.is_available():
        raise RefusedWorkload(
            "compute",
            "compute 'cuda' is not available to torch %s on this board. Choose 'cpu', or install a torch built for "
            "its GPU." % torch.__version__,
        )
    return torch.device(compute)


def make_mark(device: torch.device) -> Mark:
    """A function that waits for the device's queued work and then reads the clock, in seconds."""
    if device.type == "cuda":
        return _synchronized_mark
    return time.monotonic


def _synchronized_mark() -> float:
    torch.cuda.synchronize()
    return time.monotonic()
