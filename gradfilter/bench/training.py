"""The training workload: fine-tune a model with a variant's methods and mark every step."""

from pathlib import Path
from typing import Dict, List, Optional, cast

import torch
from torch import nn

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.batches import Batches
from gradfilter.bench.board import Board
from gradfilter.bench.checkpoint import Checkpoint
from gradfilter.bench.environment import read_environment
from gradfilter.bench.evaluation import Score
from gradfilter.bench.events import EventWriter
from gradfilter.bench.gradient_check import compare_with_plain
from gradfilter.bench.layer_times import layer_times
from gradfilter.bench.lengthening import lengthen
from gradfilter.bench.models import check_image_size, check_output, library_version
from gradfilter.bench.phases import PhasedTraining
from gradfilter.bench.profiling import FILES, STEPS, profile_steps, write_profile
from gradfilter.bench.schema import Evaluation, MethodedLayer, Outcome, RunSpec, TrainingWorkload, Variant
from gradfilter.bench.starting_weights import prepare_start, require_start
from gradfilter.bench.steadiness import step_until_steady
from gradfilter.bench.training_loop import TrainingLoop, count_parameters, trained_parameters
from gradfilter.bench.understudy import Understudy
from gradfilter.bench.variants import PreparedVariant, apply_methods, naming_variant
from gradfilter.bench.workload import Task
from gradfilter.filtering.chains.fusing import recording_runs
from gradfilter.inspection.saved_bytes import counting_saved_bytes_by_layer

_PROFILE_WARM_UP = 2
_CHECKED_BATCH = 2  # the smallest batch on which batch normalisation can train


def measure(spec: RunSpec, events: EventWriter, board: Board) -> None:
    """Run one variant once: set up, warm up, measure, evaluate, count what is saved for backward, compare gradients.

    Raises:
        RefusedWorkload: this board cannot run it, or its starting checkpoint was never prepared.
        NonFiniteLoss: training diverged.
    """
    workload = cast("TrainingWorkload", spec.workload)
    task = Task(workload, board)
    start = require_start(task)
    if start is not None:
        events.environment(**start.facts())
    prepared = _build(task, spec.variant, start)
    batches = task.batches(task.split, workload.batch_size, spec.seed)
    loop = _make_loop(task, prepared, batches, spec.seed)
    events.environment(model_version=library_version(workload.model, board), **read_environment())
    if spec.steady is not None:
        events.phase("rehearsal")
        steady = step_until_steady(Understudy(task, prepared, spec.seed).time_step, spec.steady)
        events.environment(rehearsals=[steady])
    # Applying a method and rehearsing may have drawn random numbers; dropout must not differ by it between variants.
    torch.manual_seed(spec.seed)
    training = PhasedTraining(task, prepared, loop, batches, events)
    scores = training.run()
    if spec.window is not None and training.measured_s < spec.window.seconds:
        lengthen(Understudy(task, prepared, spec.seed), task.total_steps, training.measured_s, spec.window, events)
    events.environment(data_ahead_bytes=batches.most_bytes_ahead)

    outcome = Outcome(
        peak_rss_bytes=training.memory.rss_bytes,
        peak_device_bytes=training.memory.device_bytes,
        trained_parameters=count_parameters(trained_parameters(prepared.model)),
    )
    if workload.work == "step":
        _add_scores(outcome, scores, workload)
    observed = {name: words for method in prepared.methods for name, words in method.observed(prepared.model).items()}
    set_training_mode(prepared.model, workload.batch_norm)
    with recording_runs(prepared.model) as runs:
        with counting_saved_bytes_by_layer(prepared.model, _layers(prepared.model)) as saved:
            loss = loop.forward()
        loop.backward(loss)  # outside: what it saves itself, as checkpointing does, is not held between the two
    outcome.saved_activation_bytes = {"": saved.step.total}
    outcome.saved_bytes_by_layer = {name: own.total for name, own in saved.layers.items() if own.total}
    observed.update(runs)
    outcome.layers = [MethodedLayer(one.name, one.change, observed.get(one.name, "")) for one in prepared.layers]
    outcome.gradients = compare_with_plain(task, spec.variant, prepared, batches.take())
    events.outcome(outcome)


def profile(spec: RunSpec, events: EventWriter, board: Board) -> None:
    """Profile a few steps of one variant; the files lie in the folder `files` of the worker's own.

    No number of it is one of the job's measured runs: the profiler takes time too.

    Raises:
        RefusedWorkload: as measure does.
    """
    workload = cast("TrainingWorkload", spec.workload)
    task = Task(workload, board)
    prepared = _build(task, spec.variant, require_start(task))
    batches = task.batches(task.split, workload.batch_size, spec.seed)
    loop = _make_loop(task, prepared, batches, spec.seed)
    events.environment(model_version=library_version(workload.model, board), **read_environment())
    torch.manual_seed(spec.seed)
    set_training_mode(prepared.model, workload.batch_norm)
    events.phase("profile")
    loop.run("warm_up", 0, _PROFILE_WARM_UP, events.step)
    batches.decode_ahead(STEPS)
    layers, device = _layers(prepared.model), task.placement.device
    profiler = profile_steps(lambda: loop.run("measured", _PROFILE_WARM_UP, 1, events.step), layers, device)
    write_profile(profiler, Path(FILES))
    times = layer_times(profiler.events(), layers, device)
    events.outcome(Outcome(layers=prepared.layers, layer_times=times))


def prepare(spec: RunSpec, events: EventWriter, board: Board) -> None:
    """Look at the data, try every variant of a job on its model, then make the starting checkpoint if there is one.

    Raises:
        RefusedWorkload: a variant cannot be run on this board.
    """
    workload = cast("TrainingWorkload", spec.workload)
    events.phase("prepare")
    task = Task(workload, board)
    task.batches(task.split, workload.batch_size, workload.seed)
    task.data.check()
    output = check_image_size(task.build_model(workload.seed), workload.model, workload.image_size)
    check_output(output, workload.model, task.output_shape)
    for variant in spec.variants:
        with naming_variant(variant):
            prepared = _build(task, variant)
            set_training_mode(prepared.model, workload.batch_norm)
            batches = task.batches(task.split, min(workload.batch_size, _CHECKED_BATCH), spec.seed)
            _make_loop(task, prepared, batches, spec.seed).forward_and_backward()
    outcome = Outcome()
    start = prepare_start(task, events)
    if start is not None:
        events.environment(**start.facts())
        score = _start_score(task, start)
        outcome.start_accuracy, outcome.start_miou = score.accuracy, score.miou
    events.environment(model_version=library_version(workload.model, board), **read_environment())
    events.outcome(outcome)


def _build(task: Task, variant: Variant, start: Optional[Checkpoint] = None) -> PreparedVariant:
    """The variant's model: weights and what is trained first, then the methods."""
    model = task.plain_model(variant)
    if start is not None:
        start.load_into(model)
    prepared = apply_methods(model, variant)
    prepared.model = task.placement.model(prepared.model)
    return prepared


def _layers(model: nn.Module) -> Dict[str, nn.Module]:
    """The modules that compute and hold no others, by name."""
    return {name: module for name, module in model.named_modules() if name and next(module.children(), None) is None}


def _start_score(task: Task, start: Checkpoint) -> Score:
    """What the checkpoint scores on the held-out images of the part that the job will train on."""
    model = task.build_model(task.workload.seed)
    start.load_into(model)
    return task.evaluate(model, task.split)


def _make_loop(task: Task, prepared: PreparedVariant, batches: Batches, seed: int) -> TrainingLoop:
    """The loop; weights come from the workload's seed, the data's order and the methods' randomness from the run's.

    The runs of a block share their seed, so that they are a pair, and blocks differ: an accuracy has an interval.
    """
    return TrainingLoop(
        prepared.model,
        batches,
        task.workload.optimizer,
        loss=task.loss,
        total_steps=task.total_steps,
        mark=task.mark,
        methods=prepared.methods,
        seed=seed,
        work=task.workload.work,
    )


def _add_scores(outcome: Outcome, scores: List[Score], workload: TrainingWorkload) -> None:
    """What the trained network scores; of steps that train nothing there is nothing to say."""
    outcome.test_accuracy, outcome.test_loss = scores[-1].accuracy, scores[-1].loss
    outcome.test_miou, outcome.test_mean_accuracy = scores[-1].miou, scores[-1].mean_accuracy
    if workload.epochs is not None:
        outcome.evaluations = _by_epoch(scores)


def _by_epoch(scores: List[Score]) -> List[Evaluation]:
    return [
        Evaluation(epoch, score.loss, score.accuracy, score.miou, score.mean_accuracy)
        for epoch, score in enumerate(scores, start=1)
    ]
