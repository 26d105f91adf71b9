"""From bytes to the numbers that published networks were trained on: ImageNet's channel means and deviations."""

from typing import Sequence

import numpy as np
import torch
from torch import Tensor

# Of RGB values scaled to 0..1, as every library that publishes ImageNet weights states them.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def normalised(images: Sequence["np.ndarray"]) -> Tensor:
    """Images (3, H, W) uint8 of one size → (N, 3, H, W) float32, contiguous."""
    pixels = torch.from_numpy(np.stack(images)).float().div_(255)
    return pixels.sub_(torch.tensor(_MEAN).view(3, 1, 1)).div_(torch.tensor(_STD).view(3, 1, 1))
