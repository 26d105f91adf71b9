"""Names of data sets to images and labels. Both are small, need no network and have ten classes.

digits: 1797 handwritten digits, 8×8, 17 grey levels: the test half of "Optical Recognition of
Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, CC BY 4.0) as scikit-learn ships it. data/digits.npz is written by
tests/gradfilter/bench/make_digits.py from sklearn.datasets.load_digits.

synthetic: noisy copies of one random 8×8 pattern per class, for tests and for boards' smoke runs.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Tuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gradfilter.bench.errors import RefusedWorkload

_DIGITS = Path(__file__).parent / "data" / "digits.npz"
_NATIVE_SIZE = 8
_CLASSES = 10
_SYNTHETIC_IMAGES = 1000
_SYNTHETIC_NOISE = 0.7  # of a pattern's standard deviation: learnable, yet not at the first step
_SYNTHETIC_SEED = 20230


@dataclass
class Dataset:
    """Images at their own size, standardised over the whole set: (N, C, 8, 8) float; labels (N,) int64."""

    images: Tensor
    labels: Tensor
    classes: int


def load_dataset(name: str) -> Dataset:
    """A data set by name.

    Raises:
        RefusedWorkload: no data set has this name.
    """
    if name not in DATASETS:
        raise RefusedWorkload("dataset", "dataset %r is unknown; this worker offers %s." % (name, ", ".join(DATASETS)))
    images, labels = DATASETS[name]()
    # Two constants of the whole set, as published per-set constants are; they tell nothing of a single image.
    return Dataset(images=(images - images.mean()) / images.std(), labels=labels, classes=_CLASSES)


def enlarge(images: Tensor, image_size: int) -> Tensor:
    """Scale up bilinearly (pixel centres, no corner alignment) and repeat grey to three channels.

    (N, 1 or 3, 8, 8) → (N, 3, image_size, image_size).
    """
    scaled = F.interpolate(images, size=(image_size, image_size), mode="bilinear", align_corners=False)
    return scaled.expand(-1, 3, -1, -1)


def _digits() -> Tuple[Tensor, Tensor]:
    with np.load(str(_DIGITS), allow_pickle=False) as arrays:
        images = torch.from_numpy(arrays["images"]).float().unsqueeze(1)
        return images, torch.from_numpy(arrays["labels"]).long()


def _synthetic() -> Tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(_SYNTHETIC_SEED)
    patterns = torch.randn(_CLASSES, 3, _NATIVE_SIZE, _NATIVE_SIZE, generator=generator)
    labels = torch.arange(_SYNTHETIC_IMAGES) % _CLASSES
    noise = torch.randn(_SYNTHETIC_IMAGES, 3, _NATIVE_SIZE, _NATIVE_SIZE, generator=generator)
    return patterns[labels] + _SYNTHETIC_NOISE * noise, labels


DATASETS: Dict[str, Callable[[], Tuple[Tensor, Tensor]]] = {"digits": _digits, "synthetic": _synthetic}
