"""Pretraining: trains every parameter on the first part of the data.

SGD with momentum under a falling cosine, batch normalisation in training mode, gradients clipped:
the recipe of gradient filtering's paper (arXiv 2301.00330) at the size of a small data set.
"""

from torch import nn

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.events import EventWriter
from gradfilter.bench.schema import Optimizer, Pretraining, Step
from gradfilter.bench.training_loop import TrainingLoop
from gradfilter.bench.workload import Task

_MOMENTUM = 0.9
_CLIP_NORM = 2.0


def pretrain(model: nn.Module, task: Task, pretraining: Pretraining, events: EventWriter) -> float:
    """Train a model in place; its accuracy on the held-out images of the same part of the data."""
    set_training_mode(model, "train")
    split = task.pretraining_split
    loop = TrainingLoop(
        model,
        task.batches(split, pretraining.batch_size, pretraining.seed),
        Optimizer(learning_rate=pretraining.learning_rate, momentum=_MOMENTUM, clip_norm=_CLIP_NORM),
        loss=task.loss,
        total_steps=pretraining.steps,
        mark=task.mark,
    )

    def report(step: Step) -> None:
        events.progress(step.index + 1, pretraining.steps)

    loop.run("measured", 0, pretraining.steps, report)
    return task.evaluate(model, split).accuracy
