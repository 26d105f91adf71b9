"""The training step that every variant runs, and the marks in it.

data │ forward (with the loss) │ backward │ optimizer: schedule, clip, update, clear gradients
"""

import math
import random
from typing import Callable, List, Sequence

import torch
from torch import Tensor, nn

from gradfilter.bench.batch_norm import refusing_lone_values
from gradfilter.bench.batches import Batches
from gradfilter.bench.errors import NonFiniteLoss, RefusedWorkload
from gradfilter.bench.marks import Mark, StepPhase
from gradfilter.bench.schema import Optimizer, Step
from gradfilter.methods import Method

BatchLoss = Callable[[nn.Module, Tensor, Tensor], Tensor]  # of a network, images and targets


def trained_parameters(model: nn.Module) -> List[nn.Parameter]:
    """The parameters that get gradients."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def make_optimizer(settings: Optimizer, model: nn.Module, methods: Sequence[Method]) -> torch.optim.Optimizer:
    """SGD as the workload sets it, unless a method brings its own.

    Raises:
        RefusedWorkload: more than one method brings an optimizer.
    """
    parameters = trained_parameters(model)
    offered = [method.optimizer(parameters, settings.learning_rate) for method in methods]
    brought = [optimizer for optimizer in offered if optimizer is not None]
    if len(brought) > 1:
        raise RefusedWorkload("methods", "more than one method brings an optimizer of its own. Keep one of them.")
    if brought:
        return brought[0]
    return torch.optim.SGD(
        parameters, lr=settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )


def learning_rate_factor(settings: Optimizer, step: int, total: int) -> float:
    """What the learning rate is multiplied with at a step counted from 0.

    It rises linearly over ramp_steps, to 1 at the last of them; a cosine then falls from 1 towards 0
    over the steps that are left.
    """
    if step < settings.ramp_steps:
        return (step + 1) / settings.ramp_steps
    if settings.schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - settings.ramp_steps) / (total - settings.ramp_steps)))


class TrainingLoop:
    """Trains a model step by step and reports what each step took. work: as the workload has it."""

    def __init__(
        self,
        model: nn.Module,
        batches: Batches,
        settings: Optimizer,
        *,
        loss: BatchLoss,
        total_steps: int,
        mark: Mark,
        methods: Sequence[Method] = (),
        seed: int = 0,
        work: str = "step",
    ) -> None:
        self._model = model
        self._batches = batches
        self._settings = settings
        self._batch_loss = loss
        self._total_steps = total_steps
        self._mark = mark
        self._methods = methods
        self._work = work
        self._random = random.Random(seed)  # noqa: S311 (not cryptography)
        self._optimizer = make_optimizer(settings, model, methods)
        self._parameters = trained_parameters(model)
        self._base_rates = [group["lr"] for group in self._optimizer.param_groups]

    def run(self, phase: StepPhase, first: int, steps: int, report: Callable[[Step], None]) -> None:
        """Run some steps of a phase, reporting each outside its marks.

        Raises:
            NonFiniteLoss: the loss of a step, which was still reported, is infinite or NaN.
            RefusedWorkload: the batch is too small for batch normalisation.
        """
        with refusing_lone_values():
            for index in range(first, first + steps):
                step = self._step(index, phase)
                report(step)
                if step.loss is not None and not math.isfinite(step.loss):
                    raise NonFiniteLoss(index, step.loss)

    def forward(self) -> Tensor:
        """The loss of the next batch, with what its backward pass needs."""
        with refusing_lone_values():
            return self._loss(*self._batches.take())

    def backward(self, loss: Tensor) -> None:
        """The backward pass of a loss, leaving the model as it was."""
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.zero_grad(set_to_none=True)

    def forward_and_backward(self) -> None:
        """One step's forward and backward on the next batch, leaving the model as it was."""
        self.backward(self.forward())

    def _step(self, index: int, phase: StepPhase) -> Step:
        # Every method is asked, so that what one draws does not depend on the others.
        votes = [method.keep_batch(index, self._random) for method in self._methods]
        if not all(votes):
            self._batches.skip()
            droppers = [method for method, keeps in zip(self._methods, votes) if not keeps]
            return self._dropped(index, phase, droppers)
        asked = self._mark()
        images, targets = self._batches.take()
        start = self._mark()
        loss = self._loss(images, targets)
        forward_end = self._mark()
        if self._work != "forward":
            loss.backward()  # type: ignore[no-untyped-call]
        backward_end = self._mark()
        if self._work == "step":
            self._update(index)
        self._optimizer.zero_grad(set_to_none=True)
        end = self._mark()
        return Step(
            index=index,
            phase=phase,
            start_s=start,
            forward_s=forward_end - start,
            backward_s=backward_end - forward_end,
            optimizer_s=end - backward_end,
            data_s=start - asked,
            loss=float(loss.detach()),
        )

    def _dropped(self, index: int, phase: StepPhase, droppers: Sequence[Method]) -> Step:
        """A batch that is not trained on: a step without forward, backward and loss, mostly without an update too."""
        start = end = self._mark()
        if any(method.stands_in(self._parameters) for method in droppers) and self._work == "step":
            self._update(index)
            self._optimizer.zero_grad(set_to_none=True)
            end = self._mark()
        return Step(index=index, phase=phase, start_s=start, forward_s=0.0, backward_s=0.0, optimizer_s=end - start)

    def _loss(self, images: Tensor, targets: Tensor) -> Tensor:
        loss = self._batch_loss(self._model, images, targets)
        for method in self._methods:
            extra = method.extra_loss(self._model)
            loss = loss if extra is None else loss + extra
        return loss

    def _update(self, index: int) -> None:
        factor = learning_rate_factor(self._settings, index, self._total_steps)
        for group, rate in zip(self._optimizer.param_groups, self._base_rates):
            group["lr"] = rate * factor
        if self._settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._settings.clip_norm)
        self._optimizer.step()
        for method in self._methods:
            method.after_update(self._optimizer)


def count_parameters(parameters: Sequence[nn.Parameter]) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in parameters)
