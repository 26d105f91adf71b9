"""Warm-up until steady: when it ends, and that nothing later can tell how long it was."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.board import Board
from gradfilter.bench.schema import MethodSpec, Steady, TrainingWorkload, Variant
from gradfilter.bench.steadiness import step_until_steady, stretch_medians
from gradfilter.bench.training_loop import TrainingLoop
from gradfilter.bench.understudy import Understudy
from gradfilter.bench.variants import apply_methods
from gradfilter.bench.workload import Task

BOARD = Board(Path("cache"), Path("datasets"), Path("weights"))
WORKLOAD = TrainingWorkload(
    kind="training", model="tiny_cnn", image_size=16, batch_size=4, threads=1, batch_norm="train", measured_steps=6
)
# Of the methods that keep a state between steps, those that a network without residual blocks can have.
STATEFUL = [
    {"name": "plain", "methods": []},
    {"name": "filtered", "methods": [{"name": "gradient_filter", "options": {"patch_size": 2}}]},
    {"name": "comet", "methods": [{"name": "comet", "options": {"bound": "adaptive", "interval": 2}}]},
    {"name": "low_rank", "methods": [{"name": "low_rank", "options": {"rank_share": 0.5}}]},
    {"name": "drop", "methods": [{"name": "e2train", "options": {"drop": 0.3, "predict_signs": True}}]},
]
SUITE = Path(__file__).resolve().parents[3] / "controller" / "suites" / "all-methods.json"
EVERY_VARIANT = [
    variant
    for job in json.loads(SUITE.read_text(encoding="utf-8"))["jobs"]
    if job["name"] in ("training", "signs")
    for variant in job["job"]["variants"]
]
QUICK = Steady(least_steps=3, least_s=0.0, most_steps=50, most_s=1000.0)


class Machine:
    """A clock that the steps themselves move on; of step n, counted from 0, the length is given."""

    def __init__(self, length_s):
        self.now = 100.0
        self.steps = 0
        self._length_s = length_s

    def step(self):
        lasted = self._length_s(self.steps)
        self.steps += 1
        self.now += lasted
        return lasted

    def warm_up(self, wanted):
        return step_until_steady(self.step, wanted, clock=lambda: self.now)


def test_equal_steps_are_steady_once_there_are_enough():
    """
    Steps of 0.25 s need twelve of them: three stretches of a second.
    """
    found = Machine(lambda n: 0.25).warm_up(QUICK)
    assert (12, 3.0, True, [0.25] * 3) == (found["steps"], found["seconds"], found["steady"], found["medians_s"])


def test_steps_that_get_faster_are_waited_for():
    """
    Steps that halve until the twentieth are steady only after stretches without any of the slow ones.
    """
    found = Machine(lambda n: max(0.5, 2.0 - 0.1 * n)).warm_up(QUICK)
    assert found["steady"]
    assert found["steps"] >= 15 + 4
    assert [0.5] * 3 == pytest.approx(found["medians_s"], rel=0.02)


def test_a_machine_that_never_settles_is_given_up_at_the_limit():
    """
    Steps that grow by a tenth each end at the most steps, and the record says that they were not steady.
    """
    found = Machine(lambda n: 1.1**n).warm_up(replace(QUICK, most_steps=20))
    assert (20, False) == (found["steps"], found["steady"])


@given(
    lengths=st.lists(st.floats(0.001, 20), min_size=1, max_size=30),
    least_steps=st.integers(1, 20),
    more_steps=st.integers(0, 40),
    least_s=st.floats(0, 20),
    more_s=st.floats(0, 60),
)
def test_the_limits_hold_whatever_the_machine_does(lengths, least_steps, more_steps, least_s, more_s):
    """
    Never fewer steps or seconds than the least; never a step more once either of the most is reached.
    """
    wanted = Steady(least_steps, least_s, least_steps + more_steps, least_s + more_s, 0.02)
    machine = Machine(lambda n: lengths[n % len(lengths)])
    found = machine.warm_up(wanted)
    assert found["steps"] == machine.steps >= least_steps
    assert found["seconds"] >= least_s
    last = lengths[(machine.steps - 1) % len(lengths)]
    before = found["seconds"] - last
    assert machine.steps <= wanted.least_steps or machine.steps <= wanted.most_steps or before < least_s
    assert machine.steps == least_steps or before < max(wanted.most_s, least_s) + 1e-6


@given(st.lists(st.floats(0.001, 5), max_size=60))
def test_stretches_are_the_last_seconds(times):
    """
    Each median lies within what the last steps took, and there are three of them or none.
    """
    medians = stretch_medians(times)
    assert medians is None or (3 == len(medians) and min(times) <= min(medians) <= max(medians) <= max(times))
    assert medians is not None or sum(times) < 3 * (1 + max(times or [0.0]))


def losses_after(steps, variant, workload=WORKLOAD):
    """The losses and weights of a training whose understudy has taken so many steps before it."""
    torch.manual_seed(0)
    task = Task(workload, BOARD)
    prepared = apply_methods(task.plain_model(variant), copy.deepcopy(variant))
    set_training_mode(prepared.model, workload.batch_norm)
    batches = task.batches(task.split, workload.batch_size, 1)
    loop = TrainingLoop(
        prepared.model,
        batches,
        workload.optimizer,
        loss=task.loss,
        total_steps=6,
        mark=task.mark,
        methods=prepared.methods,
        seed=1,
    )
    if steps:
        understudy = Understudy(task, prepared, 1)
        for _ in range(steps):
            understudy.time_step()
    torch.manual_seed(7)
    seen = []
    loop.run("measured", 0, 6, seen.append)
    return [step.loss for step in seen], prepared.model.state_dict()


def check_that_nothing_can_tell(variant, workload=WORKLOAD):
    methods = [MethodSpec(one["name"], one.get("options", {})) for one in variant["methods"]]
    chosen = Variant(variant["name"], methods, variant.get("trainable"))
    plain, weights = losses_after(0, chosen, workload)
    for steps in (1, 5):
        losses, after = losses_after(steps, chosen, workload)
        assert plain == losses
        assert all(torch.equal(weights[name], after[name]) for name in weights)


@pytest.mark.parametrize("variant", STATEFUL, ids=lambda variant: variant["name"])
def test_the_loss_curve_is_the_same_however_long_the_warm_up(variant):
    """
    Six steps after none, one and five steps of the understudy give the same losses and weights, to the bit.
    """
    check_that_nothing_can_tell(variant)


@pytest.mark.long
@pytest.mark.parametrize("variant", EVERY_VARIANT, ids=lambda variant: variant["name"])
def test_no_method_can_tell_how_long_the_warm_up_was(variant):
    """
    Every variant of the suite of all methods, on a residual network.
    """
    check_that_nothing_can_tell(variant, replace(WORKLOAD, model="resnet18", image_size=64))


def test_a_worker_records_how_long_it_rehearsed(run_worker, spec):
    """
    The phase comes before the warm-up, and losses and scores are those of a run without it.
    """
    steady = {"least_steps": 2, "least_s": 0.0, "most_steps": 4, "most_s": 5.0, "within": 0.5}
    plain, rehearsed = run_worker(spec()), run_worker(spec(steady=steady))
    (facts,) = [e["values"]["rehearsals"] for e in rehearsed.of("environment") if "rehearsals" in e["values"]]
    assert 4 == facts[0]["steps"]
    names = [event["name"] for event in rehearsed.of("phase")]
    assert names.index("rehearsal") < names.index("warm_up")
    assert plain.losses == rehearsed.losses
    assert plain.outcome["test_accuracy"] == rehearsed.outcome["test_accuracy"]


def test_each_shape_of_a_layer_job_rehearses(run_worker, spec):
    """
    Single convolutions are warmed up one by one.
    """
    shape = {"batch_size": 1, "in_channels": 2, "out_channels": 2, "height": 4, "width": 4}
    workload = {"kind": "conv_layer", "shapes": [shape, dict(shape, height=8)], "measured_steps": 1, "threads": 1}
    run = run_worker(spec(workload, steady={"least_steps": 2, "least_s": 0.0, "most_steps": 3, "most_s": 5.0}))
    (facts,) = [e["values"]["rehearsals"] for e in run.of("environment") if "rehearsals" in e["values"]]
    assert [3, 3] == [one["steps"] for one in facts]
