"""Small data sets that travel with the worker: held in memory at their own size, enlarged for each batch."""

from typing import Callable, List, Sequence

from torch import Tensor
from torch.nn import functional as F

from gradfilter.bench.board import Board
from gradfilter.bench.datasets.dataset import Dataset, DatasetSource, Examples


class InMemory(Dataset):
    """Images (N, 1 or 3, H, W) with labels (N,), standardised over the whole set."""

    def __init__(self, images: Tensor, labels: Tensor, classes: int) -> None:
        super().__init__(classes, len(images))
        # Two constants of the whole set, as published per-set constants are; they tell nothing of a single image.
        self._pixels = (images - images.mean()) / images.std()
        self._labels = labels

    def load(self, indices: Sequence[int], image_size: int) -> Examples:
        """Images enlarged to the size, and their labels."""
        chosen = list(indices)
        return enlarge(self._pixels[chosen], image_size), self._labels[chosen]

    def labels(self) -> List[int]:
        """The label of every image."""
        return [int(label) for label in self._labels]


class BuiltIn(DatasetSource):
    """One data set that every worker has."""

    def __init__(self, name: str, make: Callable[[], Dataset], task: str = "classification") -> None:
        self._name = name
        self._make = make
        self.task = task

    def claims(self, name: str) -> bool:
        """Exactly its name."""
        return name == self._name

    def names(self, board: Board) -> List[str]:  # noqa: ARG002 (the interface of a source)
        """Its name, on every board."""
        return [self._name]

    def open(self, name: str, board: Board) -> Dataset:  # noqa: ARG002 (the interface of a source)
        """The data set, made now."""
        return self._make()


def enlarge(images: Tensor, image_size: int) -> Tensor:
    """Scale bilinearly (pixel centres, no corner alignment) and repeat grey to three channels.

    (N, 1 or 3, H, W) → (N, 3, image_size, image_size), contiguous.
    """
    scaled = F.interpolate(images, size=(image_size, image_size), mode="bilinear", align_corners=False)
    return scaled.expand(-1, 3, -1, -1).contiguous()
