"""Random numbers that an inspection draws and gives back."""

import random
from contextlib import contextmanager
from typing import Iterator

import torch
from torch import nn


@contextmanager
def borrowed_randomness(model: nn.Module) -> Iterator[None]:
    """Give torch's generators, on the model's accelerators too, and Python's their old state after the block.

    Two blocks in a row therefore draw the same numbers, so that dropout agrees between two models.
    """
    accelerators = {parameter.device for parameter in model.parameters() if parameter.device.type == "cuda"}
    state = random.getstate()
    with torch.random.fork_rng(list(accelerators)):
        try:
            yield
        finally:
            random.setstate(state)
