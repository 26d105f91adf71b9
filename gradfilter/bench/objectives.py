"""What a network for a task gives, minimises, and is scored by."""

from dataclasses import dataclass
from typing import Callable, Dict, Tuple

from torch import Tensor
from torch.nn import functional as F

from gradfilter.bench.datasets import IGNORED
from gradfilter.bench.evaluation import LabelTally, PixelTally, Tally


@dataclass(frozen=True)
class Objective:
    """One task's loss and score.

    outputs: the shape of what a network gives for one image, of classes and image size. loss: of
    outputs and targets, the mean over images or labelled pixels. evaluation_batch: images scored at
    once; outputs of masks are as large as the images, times the classes. does, needs: for sentences,
    'the model does, the data set has'.
    """

    outputs: Callable[[int, int], Tuple[int, ...]]
    loss: Callable[[Tensor, Tensor], Tensor]
    tally: Callable[[int], Tally]
    evaluation_batch: int
    does: str
    needs: str


def _score_per_class(classes: int, image_size: int) -> Tuple[int, ...]:  # noqa: ARG001 (the same for any size)
    return (1, classes)


def _score_per_class_and_pixel(classes: int, image_size: int) -> Tuple[int, ...]:
    return (1, classes, image_size, image_size)


def _pixel_loss(outputs: Tensor, masks: Tensor) -> Tensor:
    # Not the built-in mean: a batch without one labelled pixel has a loss of 0 and not of 0 / 0.
    total = F.cross_entropy(outputs, masks, ignore_index=IGNORED, reduction="sum")
    return total / (masks != IGNORED).sum().clamp(min=1)


OBJECTIVES: Dict[str, Objective] = {
    "classification": Objective(_score_per_class, F.cross_entropy, LabelTally, 64, "classifies images", "labels"),
    "segmentation": Objective(_score_per_class_and_pixel, _pixel_loss, PixelTally, 8, "segments images", "masks"),
}
