"""Batches in an order fixed by a seed, decoded ahead of the steps that use them."""

import random
from collections import deque
from typing import Deque, Iterator, List, Tuple

from torch import Tensor

from gradfilter.bench.datasets import Dataset, Examples
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.placement import Placement

Batch = Tuple[Tensor, Tensor]

_AHEAD_BYTES = 32 * 2**20
_FEWEST_AHEAD = 4  # batches; with large ones, a stretch of steps would otherwise be too short to read a power meter in


class Batches:
    """Full batches without end: (N, 3, size, size) images and their labels or masks on the device.

    Each epoch is shuffled anew; a batch may reach into the next epoch, so that none is smaller.
    Decoding is no part of a step: decode_ahead does it before a stretch of steps, within 32 MiB, or
    four batches where those are larger. What waits decoded is part of the process's peak memory, the same
    for every variant; most_bytes_ahead says how much it was.
    """

    def __init__(
        self, data: Dataset, indices: List[int], *, batch_size: int, image_size: int, seed: int, placement: Placement
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
        self._decoded: Deque[Examples] = deque()
        self.most_bytes_ahead = 0

    def decode_ahead(self, most: int) -> int:
        """Decode the next batches, at most so many, as far as the budget goes; how many are there."""
        held = sum(map(_size, self._decoded))
        while len(self._decoded) < most:
            batch = self._decode()
            self._decoded.append(batch)
            held += _size(batch)
            if len(self._decoded) >= _FEWEST_AHEAD and held + _size(batch) > _AHEAD_BYTES:
                break
        self.most_bytes_ahead = max(self.most_bytes_ahead, held)
        return min(most, len(self._decoded))

    def take(self) -> Batch:
        """The next batch, decoded now unless it was before."""
        images, targets = self._decoded.popleft() if self._decoded else self._decode()
        return self._placement.images(images), targets.to(self._placement.device)

    def skip(self) -> None:
        """Pass over the next batch."""
        if self._decoded:
            self._decoded.popleft()
        else:
            self._next_indices()

    def _decode(self) -> Examples:
        return self._data.load(self._next_indices(), self._image_size)

    def _next_indices(self) -> List[int]:
        return [next(self._order) for _ in range(self._batch_size)]


def evaluation_batches(
    data: Dataset, indices: List[int], *, batch_size: int, image_size: int, placement: Placement
) -> Iterator[Batch]:
    """Every image once, in order; the last batch may be smaller."""
    for start in range(0, len(indices), batch_size):
        images, targets = data.load(indices[start : start + batch_size], image_size)
        yield placement.images(images), targets.to(placement.device)


def _size(batch: Examples) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in batch)


def _shuffled_without_end(indices: List[int], seed: int) -> Iterator[int]:
    generator = random.Random(seed)  # noqa: S311 (not cryptography)
    while True:
        epoch = list(indices)
        generator.shuffle(epoch)
        yield from epoch
