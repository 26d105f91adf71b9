"""Batches in an order fixed by a seed, prepared ahead of the step that uses them."""

import random
from typing import Iterator, List, Tuple

import torch
from torch import Tensor

from gradfilter.bench.datasets import Dataset, enlarge
from gradfilter.bench.errors import RefusedWorkload

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
        device: torch.device,
        memory_format: torch.memory_format,
    ) -> None:
        if batch_size > len(indices):
            raise RefusedWorkload(
                "batch_size",
                "batch_size must be at most %d, the images there are to train on, got %d." % (len(indices), batch_size),
            )
        self._data = data
        self._order = _shuffled_without_end(indices, seed)
        self._batch_size = batch_size
        self._place = _Placement(image_size, device, memory_format)

    def take(self) -> Batch:
        """The next batch."""
        return self._place(self._data, self.skip())

    def skip(self) -> List[int]:
        """Pass over the next batch; the indices of its images."""
        return [next(self._order) for _ in range(self._batch_size)]


class _Placement:
    """Where and in which form the network wants its images."""

    def __init__(self, image_size: int, device: torch.device, memory_format: torch.memory_format) -> None:
        self._image_size = image_size
        self._device = device
        self._memory_format = memory_format

    def __call__(self, data: Dataset, indices: List[int]) -> Batch:
        images = enlarge(data.images[indices], self._image_size)
        images = images.to(self._device).contiguous(memory_format=self._memory_format)
        return images, data.labels[indices].to(self._device)


def evaluation_batches(
    data: Dataset,
    indices: List[int],
    *,
    batch_size: int,
    image_size: int,
    device: torch.device,
    memory_format: torch.memory_format,
) -> Iterator[Batch]:
    """Every image once, in order; the last batch may be smaller."""
    place = _Placement(image_size, device, memory_format)
    for start in range(0, len(indices), batch_size):
        yield place(data, indices[start : start + batch_size])


def _shuffled_without_end(indices: List[int], seed: int) -> Iterator[int]:
    generator = random.Random(seed)  # noqa: S311 (not cryptography)
    while True:
        epoch = list(indices)
        generator.shuffle(epoch)
        yield from epoch
