"""Which layer the profiler's events belong to, in the forward and in the backward pass."""

import inspect
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from gradfilter.bench.layer_times import LAYER, STEP, layer_times
from gradfilter.bench.profiling import STEPS, profile_steps
from gradfilter.methods import GradientFilter

REENTRANT = {"use_reentrant": True} if "use_reentrant" in inspect.signature(checkpoint).parameters else {}

CPU = torch.device("cpu")


class Watching(nn.Module):
    """A layer that computes something and leaves nothing to the backward pass."""

    def forward(self, x):
        with torch.no_grad():
            self.norm = x.norm()
        return x


def profiled(model, run=None):
    """Layer → (forward, backward) seconds of each step."""
    layers = {name: part for name, part in model.named_modules() if not list(part.children())}
    images = torch.ones(2, 3, 8, 8, requires_grad=True)
    profiler = profile_steps(lambda: (run or model)(images).sum().backward(), layers, CPU)
    return {one.name: (one.forward_s, one.backward_s) for one in layer_times(profiler.events(), layers, CPU)}


def event(name, start, within=None, **times):
    """What the profiler of any torch release tells of an operator on the host."""
    known = {"self_cpu_time_total": 0.0, "fwd_thread": None, "sequence_nr": -1, "thread": 1, **times}
    host, span = SimpleNamespace(name="CPU"), SimpleNamespace(start=start)
    return SimpleNamespace(name=name, device_type=host, time_range=span, cpu_parent=within, **known)


def test_time_stands_beside_the_layer_that_takes_it():
    """Layers with a backward pass have times both ways, one that has none has none there; every step has an entry."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Watching(), nn.ReLU(), nn.Conv2d(4, 4, 3))
    found = profiled(model)
    assert ["0", "1", "2", "3"] == list(found)
    assert {STEPS} == {len(times) for both in found.values() for times in both}
    assert all(seconds > 0 for name in ("0", "2", "3") for times in found[name] for seconds in times)
    assert (True, [0.0] * STEPS) == (all(seconds > 0 for seconds in found["1"][0]), found["1"][1])


def test_what_stands_outside_of_layers_belongs_to_none():
    """A function made after a layer that made none is not taken for the layer's."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Watching())
    found = profiled(model, lambda x: model(x).exp())
    assert [0.0] * STEPS == found["1"][1]


def test_what_is_computed_anew_counts_as_backward():
    """Checkpointing runs the forward pass once more on the way back, that of a layer without a backward pass too."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Watching())
    found = profiled(model, lambda x: checkpoint(model, x, **REENTRANT))
    assert all(seconds > 0 for both in found.values() for times in both for seconds in times)


@pytest.mark.parametrize("fuse", [False, True])
def test_filtered_layers_have_their_backward(fuse):
    """Alone and in chains, whose autograd functions are of our own."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    found = profiled(GradientFilter(patch_size=2, last=2, fuse=fuse).apply(model))
    assert all(seconds > 0 for name in ("0", "2") for times in found[name] for seconds in times)


@pytest.mark.parametrize(("device", "seconds"), [("cpu", 8e-6), ("cuda", 4e-6)])
@pytest.mark.parametrize("kernels", ["self_device_time_total", "self_cuda_time_total"])
def test_times_are_of_where_the_steps_computed(device, seconds, kernels):
    """Threads on the CPU, also of a board with an accelerator; else kernels, without those counted to a name."""
    step = event(STEP, 0.0)
    layer = event(LAYER + "conv", 1.0, step, self_cpu_time_total=1.0, **{kernels: 4.0})
    operator = event("aten::conv2d", 2.0, layer, self_cpu_time_total=7.0, **{kernels: 4.0})
    (found,) = layer_times([step, layer, operator], {"conv": nn.ReLU()}, torch.device(device))
    assert [seconds] == pytest.approx(found.forward_s)
