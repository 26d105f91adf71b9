"""Accuracy and loss of a network on held-out images."""

from dataclasses import dataclass
from typing import Iterable

import torch
from torch import nn
from torch.nn import functional as F

from gradfilter.bench.batches import Batch


@dataclass
class Score:
    """Share of images classified correctly, and mean cross-entropy per image."""

    accuracy: float
    loss: float


def evaluate(model: nn.Module, batches: Iterable[Batch]) -> Score:
    """Score a network; it is left in evaluation mode."""
    model.eval()
    correct, loss, images = 0, 0.0, 0
    with torch.no_grad():
        for inputs, labels in batches:
            scores = model(inputs)
            loss += float(F.cross_entropy(scores, labels, reduction="sum"))
            correct += int((scores.argmax(dim=1) == labels).sum())
            images += len(labels)
    return Score(accuracy=correct / images, loss=loss / images)
