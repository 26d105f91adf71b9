"""The training step and the hooks that methods have in it."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.schema import Optimizer, TrainingWorkload
from gradfilter.bench.trainable import set_trainable
from gradfilter.bench.training_loop import TrainingLoop, learning_rate_factor, make_optimizer
from gradfilter.bench.workload import Task
from gradfilter.methods import E2Train, Method

SETTINGS = Optimizer(learning_rate=0.5, momentum=0.0)
BOARD = Board(Path("cache"), Path("datasets"), Path("weights"))
WORKLOAD = TrainingWorkload(kind="training", model="tiny_cnn", image_size=16, batch_size=4, threads=1)
ONE_PIXEL = replace(WORKLOAD, image_size=2)  # of the maps after the network's pooling
ACTS = {
    "step": lambda loop: loop.run("measured", 0, 1, lambda step: None),
    "gradients alone": lambda loop: loop.forward_and_backward(),
}


@dataclass
class EveryOther(Method):
    """Keeps the batches of even steps."""

    name: ClassVar[str] = "every_other"

    def keep_batch(self, step, random):
        return step % 2 == 0


@dataclass
class LastOnly(Method):
    """Keeps the last of ten batches."""

    name: ClassVar[str] = "last_only"

    def keep_batch(self, step, random):
        return step == 9


@dataclass
class Listener(Method):
    """Remembers the momentum that it was shown after each update."""

    name: ClassVar[str] = "listener"

    def __post_init__(self):
        super().__post_init__()
        self.heard = []

    def after_update(self, optimizer):
        self.heard.append(
            [optimizer.state[p]["momentum_buffer"] is not None for g in optimizer.param_groups for p in g["params"]]
        )


@dataclass
class Dearer(Method):
    """Adds a constant to the loss."""

    name: ClassVar[str] = "dearer"

    def extra_loss(self, model):
        return torch.tensor(100.0)


@dataclass
class OwnOptimizer(Method):
    """Brings an optimizer that never moves."""

    name: ClassVar[str] = "own_optimizer"

    def optimizer(self, parameters, learning_rate):
        return torch.optim.SGD(parameters, lr=0.0)


def make_loop(workload, total_steps, methods=(), settings=SETTINGS):
    task = Task(workload, BOARD)
    model = task.build_model(seed=0)
    set_training_mode(model, workload.batch_norm)
    loop = TrainingLoop(
        model,
        task.batches(task.split, workload.batch_size, seed=0),
        settings,
        loss=task.loss,
        total_steps=total_steps,
        mark=task.mark,
        methods=methods,
        work=workload.work,
    )
    return model, loop


def run_steps(steps, methods=(), settings=SETTINGS):
    model, loop = make_loop(WORKLOAD, steps, methods, settings)
    reported = []
    loop.run("measured", 0, steps, reported.append)
    return model, reported


def test_cosine_falls_from_one_towards_zero():
    """
    The factor starts at 1, is half in the middle and nears 0 at the end; constant stays 1.
    """
    factors = [learning_rate_factor(Optimizer(), step, 10) for step in range(10)]
    assert [1.0, pytest.approx(0.5)] == [factors[0], factors[5]]
    assert 0 < factors[9] < 0.05
    assert 1.0 == learning_rate_factor(Optimizer(schedule="constant"), 9, 10)


def test_ramp_comes_before_the_schedule():
    """
    Four steps rise in equal parts to 1; the cosine over the eight steps left begins at 1 and is half in its middle.
    """
    ramped = Optimizer(ramp_steps=4)
    factors = [learning_rate_factor(ramped, step, 12) for step in range(12)]
    assert [0.25, 0.5, 0.75, 1.0, 1.0] == factors[:5]
    assert 0.5 == pytest.approx(factors[8])
    assert factors[4:] == [learning_rate_factor(Optimizer(), step, 8) for step in range(8)]


def test_ramp_may_outlast_the_steps():
    """
    Fewer steps than the ramp has end on the way up.
    """
    assert [0.1, 0.2] == [learning_rate_factor(Optimizer(ramp_steps=10), step, 2) for step in range(2)]


def test_first_step_is_taken_at_the_ramps_rate():
    """
    The rate holds from the first update on, not from the second: a tenth of the rate moves a tenth as far.
    """
    start = Task(WORKLOAD, BOARD).build_model(seed=0)
    whole, tenth = (
        run_steps(1, settings=Optimizer(learning_rate=0.5, momentum=0.0, ramp_steps=ramp))[0] for ramp in (0, 10)
    )
    for before, far, near in zip(start.parameters(), whole.parameters(), tenth.parameters()):
        assert torch.allclose((far - before) / 10, near - before, atol=1e-6)


def test_step_without_method_follows_the_gradient():
    """
    One step of plain SGD with a constant rate is the textbook update.
    """
    task = Task(WORKLOAD, BOARD)
    expected = task.build_model(seed=0)
    set_training_mode(expected, "eval")
    images, labels = task.batches(task.split, WORKLOAD.batch_size, seed=0).take()
    torch.nn.functional.cross_entropy(expected(images), labels).backward()
    model, _ = run_steps(1)
    for before, after in zip(expected.parameters(), model.parameters()):
        assert torch.allclose(before - 0.5 * before.grad, after, atol=1e-7)


@pytest.mark.parametrize(
    ("work", "expected"), [("step", (True, True)), ("forward_backward", (True, False)), ("forward", (False, False))]
)
def test_work_says_what_a_step_does(work, expected):
    """Whether gradients were made, and whether anything was trained; none is left either way."""
    model, loop = make_loop(replace(WORKLOAD, work=work), total_steps=1)
    before, gradients = model.head.bias.detach().clone(), []
    model.head.bias.register_hook(gradients.append)
    loop.run("measured", 0, 1, lambda step: None)
    assert expected == (bool(gradients), not torch.equal(before, model.head.bias))
    assert model.head.bias.grad is None


def test_clipping_bounds_the_update():
    """
    With clip_norm, the first step's length is at most the rate times the norm.
    """
    start = Task(WORKLOAD, BOARD).build_model(seed=0)
    model, _ = run_steps(1, settings=Optimizer(learning_rate=1.0, momentum=0.0, clip_norm=0.01))
    moved = sum(((a - b) ** 2).sum().item() for a, b in zip(start.parameters(), model.parameters()))
    assert 0.01 == pytest.approx(math.sqrt(moved), rel=1e-3)


def test_dropped_batch_takes_nothing_but_is_passed_over():
    """
    A batch a method does not keep is a step without time and loss, and the next step sees the next batch.
    """
    plain = run_steps(3, settings=Optimizer(learning_rate=0.0))[1]
    thinned = run_steps(3, [EveryOther()], settings=Optimizer(learning_rate=0.0))[1]
    assert [plain[0].loss, None, plain[2].loss] == [step.loss for step in thinned]
    assert (0, 0, 0) == (thinned[1].forward_s, thinned[1].backward_s, thinned[1].optimizer_s)


def first_dropped(steps):
    return next(step.index for step in steps if step.loss is None)


@pytest.mark.parametrize(("on_drop", "moves"), [("skip", False), ("momentum_step", True)])
def test_dropped_batch_moves_weights_by_momentum_only_if_asked_to(on_drop, moves):
    """
    The weights after a dropped step are those before it, bit for bit; with momentum steps they move on.
    """
    settings = Optimizer(learning_rate=0.1, momentum=0.9, schedule="constant")
    dropped = first_dropped(run_steps(6, [E2Train(on_drop=on_drop)], settings)[1])
    assert dropped > 0
    before, after = (run_steps(count, [E2Train(on_drop=on_drop)], settings)[0] for count in (dropped, dropped + 1))
    same = all(map(torch.equal, before.state_dict().values(), after.state_dict().values()))
    assert moves != same


def test_dropping_nothing_is_plain_training():
    """
    At probability 0 the losses are the plain run's.
    """
    plain, dropping = run_steps(3)[1], run_steps(3, [E2Train(drop=0.0)])[1]
    assert [step.loss for step in plain] == [step.loss for step in dropping]


def test_schedule_goes_on_over_dropped_batches():
    """
    The last of ten steps is taken at the rate that belongs to the tenth, however many were dropped before.
    """
    model, loop = make_loop(WORKLOAD, 10, [LastOnly()], replace(SETTINGS, learning_rate=1.0))
    loop.run("measured", 0, 10, lambda step: None)
    assert learning_rate_factor(SETTINGS, 9, 10) == loop._optimizer.param_groups[0]["lr"]
    assert model.head.weight.grad is None


def test_dropped_batches_ask_nothing_of_the_network():
    """
    Of six steps, the network runs as often as there are losses, so that a dropped batch asks no gate either.
    """
    calls = []
    model, loop = make_loop(WORKLOAD, 6, [E2Train()])
    model.register_forward_hook(lambda *_: calls.append(1))
    steps = []
    loop.run("measured", 0, 6, steps.append)
    assert 0 < len(calls) < 6
    assert len(calls) == sum(step.loss is not None for step in steps)


def test_extra_loss_is_added():
    """
    What a method adds is part of the loss.
    """
    assert run_steps(1)[1][0].loss + 100 == pytest.approx(run_steps(1, [Dearer()])[1][0].loss)


def test_methods_hear_of_every_update():
    """
    After the optimizer has moved, its momentum is there to be read; a batch that was dropped is no update.
    """
    listener = Listener()
    run_steps(4, [listener, EveryOther()], replace(SETTINGS, momentum=0.9))
    assert 2 == len(listener.heard)
    assert all(map(all, listener.heard))


def test_method_may_bring_its_optimizer():
    """
    A method's optimizer replaces the workload's own.
    """
    model, _ = run_steps(2, [OwnOptimizer()])
    for before, after in zip(Task(WORKLOAD, BOARD).build_model(seed=0).parameters(), model.parameters()):
        assert torch.equal(before, after)


def test_two_optimizers_are_refused():
    """
    Two methods that both want to drive are a contradiction.
    """
    with pytest.raises(RefusedWorkload, match="more than one method") as refusal:
        make_optimizer(SETTINGS, Task(WORKLOAD, BOARD).build_model(seed=0), [OwnOptimizer(), OwnOptimizer()])
    assert "methods" == refusal.value.field


@pytest.mark.parametrize(
    ("batch_norm", "trainable", "training"), [("train", "all", 4), ("train", "last:4", 0), ("eval", "all", 0)]
)
def test_frozen_normalisation_keeps_its_statistics(batch_norm, trainable, training):
    """
    Normalisation trains only where asked for and where its own parameters are trained.
    """
    model = Task(WORKLOAD, BOARD).build_model(seed=0)
    set_trainable(model, trainable)
    set_training_mode(model, batch_norm)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert training == sum(module.training for module in norms)
    assert model.head.training


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_lone_value_is_refused_with_what_to_do(act):
    """
    Batch normalisation cannot train on one value per channel, whether a step is measured or only tried.
    """
    _, loop = make_loop(replace(ONE_PIXEL, batch_size=1, batch_norm="train"), 1)
    with pytest.raises(RefusedWorkload, match="Set batch_size to 2 or more, or batch_norm to 'eval'") as refusal:
        act(loop)
    assert "batch_size" == refusal.value.field


@pytest.mark.parametrize("advice", [{"batch_size": 2, "batch_norm": "train"}, {"batch_size": 1}], ids=str)
def test_what_the_refusal_advises_works(advice):
    """
    Two images, or stored statistics, train.
    """
    _, loop = make_loop(replace(ONE_PIXEL, **advice), 1)
    for act in ACTS.values():
        act(loop)
