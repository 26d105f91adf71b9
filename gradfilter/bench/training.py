"""The training workload: fine-tune a model with a variant's methods and mark every step."""

from typing import Optional, cast

import torch

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.board import Board
from gradfilter.bench.checkpoint import Checkpoint
from gradfilter.bench.environment import read_environment
from gradfilter.bench.events import EventWriter
from gradfilter.bench.memory import PeakMemory, counting_saved_bytes
from gradfilter.bench.models import check_image_size
from gradfilter.bench.schema import Outcome, RunSpec, Step, TrainingWorkload, Variant
from gradfilter.bench.starting_weights import prepare_start, require_start
from gradfilter.bench.trainable import set_trainable
from gradfilter.bench.training_loop import TrainingLoop, count_parameters, trained_parameters
from gradfilter.bench.variants import PreparedVariant, apply_methods, naming_variant
from gradfilter.bench.workload import Task

_CHECKED_BATCH = 2  # the smallest batch on which batch normalisation can train


def measure(spec: RunSpec, events: EventWriter, board: Board) -> None:
    """Run one variant once: set up, warm up, measure, evaluate, count what is saved for backward.

    Raises:
        RefusedWorkload: this board cannot run it, or its starting checkpoint was never prepared.
        NonFiniteLoss: training diverged.
    """
    workload = cast("TrainingWorkload", spec.workload)
    task = Task(workload, board)
    checkpoint = require_start(workload, board)
    if checkpoint is not None:
        events.environment(**checkpoint.facts())
    prepared = _build(task, spec.variant, checkpoint)
    loop = _make_loop(task, prepared, workload.batch_size, spec.seed)
    events.environment(**read_environment())
    memory = _train(loop, task, prepared, events, seed=spec.seed)
    outcome = Outcome(
        peak_rss_bytes=memory.rss_bytes,
        peak_device_bytes=memory.device_bytes,
        trained_parameters=count_parameters(trained_parameters(prepared.model)),
        layers=prepared.layers,
    )

    events.phase("evaluation")
    score = task.evaluate(prepared.model, task.split)
    outcome.test_accuracy, outcome.test_loss = score.accuracy, score.loss
    set_training_mode(prepared.model, workload.batch_norm)
    with counting_saved_bytes(prepared.model) as saved:
        loop.forward_and_backward()
    outcome.saved_activation_bytes = {"": saved.total}
    events.outcome(outcome)


def prepare(spec: RunSpec, events: EventWriter, board: Board) -> None:
    """Try every variant of a job on its model, then make the starting checkpoint if there is one.

    Raises:
        RefusedWorkload: a variant cannot be run on this board.
    """
    workload = cast("TrainingWorkload", spec.workload)
    events.phase("prepare")
    task = Task(workload, board)
    task.batches(task.split, workload.batch_size, workload.seed)
    check_image_size(task.build_model(workload.seed), workload.model, workload.image_size)
    for variant in spec.variants:
        with naming_variant(variant):
            prepared = _build(task, variant)
            set_training_mode(prepared.model, workload.batch_norm)
            _make_loop(task, prepared, _CHECKED_BATCH, spec.seed).forward_and_backward()
    outcome = Outcome()
    checkpoint = prepare_start(task, board, events)
    if checkpoint is not None:
        events.environment(**checkpoint.facts())
        outcome.start_accuracy = _start_accuracy(task, checkpoint)
    events.environment(**read_environment())
    events.outcome(outcome)


def _build(task: Task, variant: Variant, checkpoint: Optional[Checkpoint] = None) -> PreparedVariant:
    """The variant's model: weights first, then what is trained, then the methods."""
    workload = task.workload
    model = task.build_model(workload.seed)
    if checkpoint is not None:
        checkpoint.load_into(model)
    set_trainable(model, workload.trainable if variant.trainable is None else variant.trainable)
    prepared = apply_methods(model, variant)
    prepared.model = task.placement.model(prepared.model)
    return prepared


def _start_accuracy(task: Task, checkpoint: Checkpoint) -> float:
    """What the checkpoint scores on the held-out images of the part that the job will train on."""
    model = task.build_model(task.workload.seed)
    checkpoint.load_into(model)
    return task.evaluate(model, task.split).accuracy


def _make_loop(task: Task, prepared: PreparedVariant, batch_size: int, seed: int) -> TrainingLoop:
    """The loop; weights come from the workload's seed, the data's order and the methods' randomness from the run's.

    The runs of a block share their seed, so that they are a pair, and blocks differ: an accuracy has an interval.
    """
    workload = task.workload
    return TrainingLoop(
        prepared.model,
        task.batches(task.split, batch_size, seed),
        workload.optimizer,
        total_steps=workload.warm_up_steps + workload.measured_steps,
        mark=task.mark,
        methods=prepared.methods,
        seed=seed,
    )


def _train(loop: TrainingLoop, task: Task, prepared: PreparedVariant, events: EventWriter, *, seed: int) -> PeakMemory:
    """Warm up, then measure; the peak memory over both."""
    workload = task.workload
    total = workload.warm_up_steps + workload.measured_steps

    def report(step: Step) -> None:
        events.step(step)
        events.progress(step.index + 1, total)

    set_training_mode(prepared.model, workload.batch_norm)
    # Applying a method may have drawn random numbers; dropout must not differ by it between variants.
    torch.manual_seed(seed)
    memory = PeakMemory(task.placement.device)
    events.phase("warm_up")
    loop.run("warm_up", 0, workload.warm_up_steps, report)
    events.phase("measured")
    loop.run("measured", workload.warm_up_steps, workload.measured_steps, report)
    memory.read()
    return memory
