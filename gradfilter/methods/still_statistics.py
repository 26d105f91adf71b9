"""A forward pass beside the one that counts: running statistics of normalisations stay as they are."""

from contextlib import contextmanager
from typing import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def still_statistics(module: nn.Module) -> Iterator[None]:
    """Let the running statistics inside a module be, which another forward pass of the step moves."""
    normalisations = [inner for inner in module.modules() if isinstance(inner, _BatchNorm) and inner.training]
    before = [(inner.momentum, inner.num_batches_tracked) for inner in normalisations]
    for inner in normalisations:
        inner.momentum, inner.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for inner, (momentum, count) in zip(normalisations, before):
            inner.momentum, inner.num_batches_tracked = momentum, count
