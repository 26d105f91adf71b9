"""Makes the starting checkpoint: trains every parameter on the first part of the data.

SGD with momentum under a falling cosine, batch normalisation in training mode, gradients clipped:
the recipe of gradient filtering's paper (arXiv 2301.00330) at the size of a small data set.
"""

from pathlib import Path

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.checkpoint import Checkpoint, checkpoint_path, load_checkpoint, save_checkpoint
from gradfilter.bench.events import EventWriter
from gradfilter.bench.schema import Optimizer, Pretraining, Step
from gradfilter.bench.training_loop import TrainingLoop
from gradfilter.bench.workload import Task

_MOMENTUM = 0.9
_CLIP_NORM = 2.0


def ensure_checkpoint(task: Task, pretraining: Pretraining, cache_dir: Path, events: EventWriter) -> Checkpoint:
    """The workload's starting checkpoint, made now unless the cache has a sound one."""
    path = checkpoint_path(cache_dir, task.workload)
    checkpoint = load_checkpoint(path)
    if checkpoint is None:
        checkpoint = _pretrain(task, pretraining, path, events)
    return checkpoint


def _pretrain(task: Task, pretraining: Pretraining, path: Path, events: EventWriter) -> Checkpoint:
    model = task.build_model(pretraining.seed)
    set_training_mode(model, "train")
    split = task.pretraining_split
    loop = TrainingLoop(
        model,
        task.batches(split, pretraining.batch_size, pretraining.seed),
        Optimizer(learning_rate=pretraining.learning_rate, momentum=_MOMENTUM, clip_norm=_CLIP_NORM),
        total_steps=pretraining.steps,
        mark=task.mark,
    )

    def report(step: Step) -> None:
        events.progress(step.index + 1, pretraining.steps)

    loop.run("measured", 0, pretraining.steps, report)
    accuracy = task.evaluate(model, split).accuracy
    save_checkpoint(path, model, accuracy)
    return Checkpoint(model.state_dict(), accuracy)
