"""Scores of a network on held-out data: of labels, or of masks from one confusion matrix.

Only counts are kept from batch to batch, never the network's outputs.
"""

from dataclasses import dataclass
from typing import Iterable, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradfilter.bench.batches import Batch
from gradfilter.bench.datasets import IGNORED
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.precision import Precision


@dataclass
class Score:
    """What a network scored.

    accuracy: share of images, or of labelled pixels, classified correctly. loss: mean cross-entropy
    of one. miou, mean_accuracy: of masks only, see PixelTally.
    """

    accuracy: float
    loss: float
    miou: Optional[float] = None
    mean_accuracy: Optional[float] = None


class Tally:
    """Counts over batches."""

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch."""
        raise NotImplementedError

    def score(self) -> Score:
        """The score of all that was counted."""
        raise NotImplementedError


class LabelTally(Tally):
    """Images whose class has the highest output."""

    def __init__(self, classes: int) -> None:  # noqa: ARG002 (the interface of a tally)
        self._correct, self._images, self._loss = 0, 0, 0.0

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Outputs (N, classes), labels (N,)."""
        self._loss += float(F.cross_entropy(outputs, targets, reduction="sum"))
        self._correct += int((outputs.argmax(dim=1) == targets).sum())
        self._images += len(targets)

    def score(self) -> Score:
        """Share of images classified correctly, and mean loss per image."""
        return Score(accuracy=self._correct / self._images, loss=self._loss / self._images)


class PixelTally(Tally):
    """A confusion matrix of pixels; those that are IGNORED count nowhere.

    miou: mean over classes of intersection / union; a class that is neither in the truth nor in the
    prediction is left out. mean_accuracy: mean over the classes in the truth of the share found.
    """

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._confusion = torch.zeros(classes, classes, dtype=torch.float64)  # rows: truth; exact up to 2**53 pixels
        self._loss = 0.0

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Outputs (N, classes, H, W), masks (N, H, W)."""
        self._loss += float(F.cross_entropy(outputs, targets, ignore_index=IGNORED, reduction="sum"))
        labelled = targets != IGNORED
        pairs = targets[labelled] * self._classes + outputs.argmax(dim=1)[labelled]
        counts = torch.bincount(pairs, minlength=self._classes**2)
        self._confusion += counts.reshape(self._classes, self._classes).cpu()

    def score(self) -> Score:
        """Pixel accuracy, mean loss per labelled pixel, mIoU and mean class accuracy.

        Raises:
            RefusedWorkload: no pixel at all is labelled.
        """
        pixels = float(self._confusion.sum())
        if not pixels:
            raise RefusedWorkload(
                "dataset", "no held-out mask has a pixel that belongs to a class, so there is nothing to score."
            )
        found, truth = self._confusion.diag(), self._confusion.sum(dim=1)
        union = truth + self._confusion.sum(dim=0) - found
        return Score(
            accuracy=float(found.sum()) / pixels,
            loss=self._loss / pixels,
            miou=_mean_share(found, union),
            mean_accuracy=_mean_share(found, truth),
        )


def _mean_share(found: Tensor, of: Tensor) -> float:
    return float((found[of > 0] / of[of > 0]).mean())


def evaluate(model: nn.Module, batches: Iterable[Batch], tally: Tally, precision: Precision) -> Score:
    """Score a network; it is left in evaluation mode."""
    model.eval()
    with torch.no_grad():
        for images, targets in batches:
            tally.add(precision.outputs(model, images), targets)
    return tally.score()
