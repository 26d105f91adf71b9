"""Batches in an order fixed by a seed, prepared ahead of the step that uses them."""

import random
from typing import Iterator, List, Tuple

from torch import Tensor

from gradfilter.bench.datasets import Dataset
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.placement import Placement

Batch = Tuple[Tensor, Tensor]


class Batches:
    """Full batches without end: (N, 3, size, size) images and (N,) labels on the device.

    Each epoch is shuffled anew; a batch may reach into the next epoch, so that none is smaller.
    """

    def __init__(
        self,
        data: Dataset,
        indices: List[int],
        *,
        batch_size: int,
        image_size: int,
        seed: int,
        placement: Placement,
    ) -> None:
        if batch_size > len(indices):
            raise RefusedWorkload(
                "batch_size",
                "batch_size must be at most %d, the images there are to train on, got %d." % (len(indices), batch_size),
            )
        self._data = data
        self._order = _shuffled_without_end(indices, seed)
        self._batch_size = batch_size
        self._image_size = image_size
        self._placement = placement

    def take(self) -> Batch:
        """The next batch."""
        return _load(self._data, self.skip(), self._image_size, self._placement)

    def skip(self) -> List[int]:
        """Pass over the next batch; the indices of its images."""
        return [next(self._order) for _ in range(self._batch_size)]


def evaluation_batches(
    data: Dataset,
    indices: List[int],
    *,
    batch_size: int,
    image_size: int,
    placement: Placement,
) -> Iterator[Batch]:
    """Every image once, in order; the last batch may be smaller."""
    for start in range(0, len(indices), batch_size):
        yield _load(data, indices[start : start + batch_size], image_size, placement)


def _load(data: Dataset, indices: List[int], image_size: int, placement: Placement) -> Batch:
    images, targets = data.load(indices, image_size)
    return placement.images(images), targets.to(placement.device)


def _shuffled_without_end(indices: List[int], seed: int) -> Iterator[int]:
    generator = random.Random(seed)  # noqa: S311 (not cryptography)
    while True:
        epoch = list(indices)
        generator.shuffle(epoch)
        yield from epoch
