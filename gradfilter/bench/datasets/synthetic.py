"""synthetic: 1000 noisy copies of one random 8×8 pattern per class, for tests and for boards' smoke runs."""

import torch

from gradfilter.bench.datasets.in_memory import InMemory

_CLASSES = 10
_IMAGES = 1000
_SIZE = 8
_NOISE = 0.7  # of a pattern's standard deviation: learnable, yet not at the first step
_SEED = 20230


def make_synthetic() -> InMemory:
    """The patterns and their copies, drawn from a fixed seed."""
    generator = torch.Generator().manual_seed(_SEED)
    patterns = torch.randn(_CLASSES, 3, _SIZE, _SIZE, generator=generator)
    labels = torch.arange(_IMAGES) % _CLASSES
    noise = torch.randn(_IMAGES, 3, _SIZE, _SIZE, generator=generator)
    return InMemory(patterns[labels] + _NOISE * noise, labels, _CLASSES)
