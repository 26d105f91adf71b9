"""A training workload's names turned into things: model, data, split, device."""

from typing import Iterator

from torch import nn

from gradfilter.bench.batches import Batch, Batches, evaluation_batches
from gradfilter.bench.board import Board
from gradfilter.bench.datasets import load_dataset
from gradfilter.bench.evaluation import Score, evaluate
from gradfilter.bench.models import build_model
from gradfilter.bench.placement import Placement
from gradfilter.bench.schema import TrainingWorkload
from gradfilter.bench.splits import Split, split_in_two, split_once

_EVALUATION_BATCH = 64


class Task:
    """What a training workload trains on. Every variant of a job gets the same, in the same order.

    Raises:
        RefusedWorkload: the data set or the device does not exist here.
    """

    def __init__(self, workload: TrainingWorkload, board: Board) -> None:
        self.workload = workload
        self.board = board
        self.placement = Placement(workload)
        self.mark = self.placement.mark
        self._data = load_dataset(workload.dataset, board)
        if workload.pretraining is None:
            self.split = split_once(self._data.images, self._data.held_out, workload.seed)
        else:
            self.pretraining_split, self.split = split_in_two(self._data.labels(), workload.pretraining.seed)

    def build_model(self, seed: int) -> nn.Module:
        """The workload's network with random weights, in place and form."""
        return self.placement.model(build_model(self.workload.model, self._data.classes, seed, self.board))

    def batches(self, split: Split, batch_size: int, seed: int) -> Batches:
        """Training batches in the order of the seed."""
        return Batches(
            self._data,
            split.train,
            batch_size=batch_size,
            image_size=self.workload.image_size,
            seed=seed,
            placement=self.placement,
        )

    def evaluate(self, model: nn.Module, split: Split) -> Score:
        """Score a network on the held-out images of a split."""
        return evaluate(model, self._held_out(split))

    def _held_out(self, split: Split) -> Iterator[Batch]:
        return evaluation_batches(
            self._data,
            split.test,
            batch_size=_EVALUATION_BATCH,
            image_size=self.workload.image_size,
            placement=self.placement,
        )
