"""A copy of a prepared variant that takes whole steps in its place and learns nothing.

What such steps change (gradients, momentum, running statistics, a method's own state, the order of the data) is the
copy's own and goes with it, so that weights, losses and scores are the same however many of them there were. Its
learning rate is 0, so that its loss cannot run away.
"""

import copy
from dataclasses import replace
from typing import Callable, List

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.marks import StepPhase
from gradfilter.bench.schema import Step
from gradfilter.bench.training_loop import TrainingLoop
from gradfilter.bench.variants import PreparedVariant
from gradfilter.bench.workload import Task


class Understudy:
    """Steps of a copy of a variant, as it is now, on batches of its own."""

    def __init__(self, task: Task, prepared: PreparedVariant, seed: int) -> None:
        # Together, so that what a method holds of its model is the copy's too.
        model, methods = copy.deepcopy((prepared.model, prepared.methods))
        set_training_mode(model, task.workload.batch_norm)
        self._batches = task.batches(task.split, task.workload.batch_size, seed)
        self._loop = TrainingLoop(
            model,
            self._batches,
            replace(task.workload.optimizer, learning_rate=0.0),
            loss=task.loss,
            total_steps=task.total_steps,
            mark=task.mark,
            methods=methods,
            seed=seed,
            work=task.workload.work,
        )

    def decode_ahead(self, most: int) -> int:
        """Decode the next batches, as Batches does."""
        return self._batches.decode_ahead(most)

    def run(self, phase: StepPhase, index: int, steps: int, report: Callable[[Step], None]) -> None:
        """Take steps, counted from index.

        Raises:
            NonFiniteLoss: the weights as they are have no finite loss.
        """
        self._loop.run(phase, index, steps, report)

    def time_step(self) -> float:
        """How long one step takes (s): forward, backward and optimizer."""
        self._batches.decode_ahead(1)
        seen: List[Step] = []
        self._loop.run("warm_up", 0, 1, seen.append)
        return sum(step.forward_s + step.backward_s + step.optimizer_s for step in seen)
