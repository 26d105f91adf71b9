"""A training workload's names turned into things: model, data, split, device."""

from typing import Iterator, Tuple

from torch import Tensor, nn

from gradfilter.bench.batches import Batch, Batches, evaluation_batches
from gradfilter.bench.board import Board
from gradfilter.bench.datasets import dataset_names, load_dataset
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.evaluation import Score, evaluate
from gradfilter.bench.models import build_model, model_task
from gradfilter.bench.objectives import OBJECTIVES
from gradfilter.bench.placement import Placement
from gradfilter.bench.precision import Precision
from gradfilter.bench.schema import TrainingWorkload, Variant
from gradfilter.bench.splits import Split, split_in_two, split_once
from gradfilter.bench.trainable import set_trainable


class Task:
    """What a training workload trains on. Every variant of a job gets the same, in the same order.

    Raises:
        RefusedWorkload: the data set, the model, the device or the number type does not exist here, the
            model is not for such data, or there are too few images.
    """

    def __init__(self, workload: TrainingWorkload, board: Board) -> None:
        self.workload = workload
        self.board = board
        self.placement = Placement(workload)
        self.mark = self.placement.mark
        self._precision = Precision(workload.dtype, self.placement.device)
        self.data = load_dataset(workload.dataset, board)
        self._objective = OBJECTIVES[self.data.task]
        self._check_model()
        if workload.pretraining is None:
            self.split = split_once(self.data.images, self.data.held_out, workload.seed)
        else:
            self.pretraining_split, self.split = split_in_two(self.data.labels(), workload.pretraining.seed)

    @property
    def passes(self) -> int:
        """How many stretches of measured steps there are, each with an evaluation after it."""
        return self.workload.epochs or 1

    @property
    def steps_per_pass(self) -> int:
        """Measured steps of a pass; in an epoch, as many whole batches as there are images for, and at least one.

        The order of the images runs on, so that those an epoch leaves over come first in the next.
        """
        if self.workload.epochs is None:
            return self.workload.measured_steps
        return max(1, len(self.split.train) // self.workload.batch_size)

    @property
    def total_steps(self) -> int:
        """All steps that train, the warm-up's included."""
        return self.workload.warm_up_steps + self.passes * self.steps_per_pass

    @property
    def output_shape(self) -> Tuple[int, ...]:
        """What the network must give for one image."""
        return self._objective.outputs(self.data.classes, self.workload.image_size)

    def build_model(self, seed: int) -> nn.Module:
        """The workload's network with random weights, in place and form."""
        return self.placement.model(build_model(self.workload.model, self.data.classes, seed, self.board))

    def plain_model(self, variant: Variant) -> nn.Module:
        """The network that a variant's methods are applied to: random weights, and what it trains."""
        model = self.build_model(self.workload.seed)
        set_trainable(model, self.workload.trainable if variant.trainable is None else variant.trainable)
        return model

    def loss(self, model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        """What training minimises, of a batch: the mean cross-entropy of images, or of labelled pixels."""
        return self._objective.loss(self._precision.outputs(model, images), targets)

    def batches(self, split: Split, batch_size: int, seed: int) -> Batches:
        """Training batches in the order of the seed."""
        return Batches(
            self.data,
            split.train,
            batch_size=batch_size,
            image_size=self.workload.image_size,
            seed=seed,
            placement=self.placement,
        )

    def evaluate(self, model: nn.Module, split: Split) -> Score:
        """Score a network on the held-out images of a split."""
        tally = self._objective.tally(self.data.classes)
        return evaluate(model, self._held_out(split), tally, self._precision)

    def _held_out(self, split: Split) -> Iterator[Batch]:
        return evaluation_batches(
            self.data,
            split.test,
            batch_size=self._objective.evaluation_batch,
            image_size=self.workload.image_size,
            placement=self.placement,
        )

    def _check_model(self) -> None:
        task = model_task(self.workload.model, self.board)
        if task != self.data.task:
            raise RefusedWorkload(
                "dataset",
                "model %r %s, and data set %r has %s: choose a data set with %s (this board has %s), or another model."
                % (
                    self.workload.model,
                    OBJECTIVES[task].does,
                    self.workload.dataset,
                    self._objective.needs,
                    OBJECTIVES[task].needs,
                    ", ".join(dataset_names(self.board, task)) or "none",
                ),
            )
