"""Dataset: images with one label each, or with a mask each; and the sources that data sets come from."""

from typing import Dict, List, Sequence, Tuple

import numpy as np
from torch import Tensor

from gradfilter.bench.board import Board

IGNORED = 255  # in a mask: a pixel that belongs to no class and counts nowhere
Examples = Tuple[Tensor, Tensor]


class Dataset:
    """Images counted from 0. The last `held_out` of them are the official held-out part; 0 where there is none.

    task: "classification" or "segmentation".
    """

    task = "classification"

    def __init__(self, classes: int, images: int, held_out: int = 0) -> None:
        self.classes = classes
        self.images = images
        self.held_out = held_out

    def load(self, indices: Sequence[int], image_size: int) -> Examples:
        """Images (N, 3, image_size, image_size) float32, contiguous, and their targets.

        Targets are labels (N,) int64, or masks (N, image_size, image_size) int64 with IGNORED pixels.

        Raises:
            RefusedWorkload: an image cannot be read.
        """
        raise NotImplementedError

    def labels(self) -> List[int]:
        """One class per image that is not officially held out: how parts are dealt. A mask has its dominant_class.

        Raises:
            RefusedWorkload: an image cannot be read.
        """
        raise NotImplementedError

    def content(self) -> str:
        """A hash of all that it is made from; '' where it travels with the worker and so has the worker's version.

        Raises:
            OSError: a file has become unreadable.
        """
        return ""

    def check(self) -> None:
        """Look at every file without decoding it.

        Raises:
            RefusedWorkload: a file is missing, empty or of another kind.
        """


class DatasetSource:
    """Where data sets of one kind come from. Each kind has a file of its own and a line in SOURCES.

    task: of all its data sets, "classification" or "segmentation".
    """

    task = "classification"

    def claims(self, name: str) -> bool:
        """Whether a name is this source's to open, or to refuse with a reason of its own."""
        raise NotImplementedError

    def names(self, board: Board) -> List[str]:
        """The data sets that are there, found by the names of files and folders alone."""
        raise NotImplementedError

    def absent(self, board: Board) -> Dict[str, str]:  # noqa: ARG002 (for sources that read the board's folders)
        """Data sets that are not there, each with what is missing and what to do."""
        return {}

    def open(self, name: str, board: Board) -> Dataset:
        """The data set; its images are read later.

        Raises:
            RefusedWorkload: it is not there, or not as it should be.
        """
        raise NotImplementedError


def dominant_class(mask: "np.ndarray") -> int:
    """The class with most pixels of those that are not background (0); 0 where there is no other."""
    counts = np.bincount(mask[(mask != 0) & (mask != IGNORED)].ravel(), minlength=1)
    return int(counts.argmax())
