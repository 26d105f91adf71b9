"""Which layer the profiler's events belong to, in the forward and in the backward pass."""

import inspect

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from gradfilter.bench.profiling import STEPS, profile_steps
from gradfilter.methods import GradientFilter

REENTRANT = {"use_reentrant": True} if "use_reentrant" in inspect.signature(checkpoint).parameters else {}


class Watching(nn.Module):
    """A layer that computes something and leaves nothing to the backward pass."""

    def forward(self, x):
        with torch.no_grad():
            self.norm = x.norm()
        return x


def profiled(model, folder, run=None):
    """Layer → (forward, backward) seconds of each step."""
    layers = {name: part for name, part in model.named_modules() if not list(part.children())}
    images = torch.ones(2, 3, 8, 8, requires_grad=True)
    found = profile_steps(lambda: (run or model)(images).sum().backward(), folder, layers)
    return {one.name: (one.forward_s, one.backward_s) for one in found}


def test_time_stands_beside_the_layer_that_takes_it(tmp_path):
    """Layers with a backward pass have times both ways, one that has none has none there; every step has an entry."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Watching(), nn.ReLU(), nn.Conv2d(4, 4, 3))
    found = profiled(model, tmp_path / "files")
    assert ["0", "1", "2", "3"] == list(found)
    assert {STEPS} == {len(times) for both in found.values() for times in both}
    assert all(seconds > 0 for name in ("0", "2", "3") for times in found[name] for seconds in times)
    assert (True, [0.0] * STEPS) == (all(seconds > 0 for seconds in found["1"][0]), found["1"][1])


def test_what_stands_outside_of_layers_belongs_to_none(tmp_path):
    """A function made after a layer that made none is not taken for the layer's."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Watching())
    found = profiled(model, tmp_path / "files", lambda x: model(x).exp())
    assert [0.0] * STEPS == found["1"][1]


def test_what_is_computed_anew_counts_as_backward(tmp_path):
    """Checkpointing runs the forward pass once more on the way back, that of a layer without a backward pass too."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Watching())
    found = profiled(model, tmp_path / "files", lambda x: checkpoint(model, x, **REENTRANT))
    assert all(seconds > 0 for both in found.values() for times in both for seconds in times)


@pytest.mark.parametrize("fuse", [False, True])
def test_filtered_layers_have_their_backward(tmp_path, fuse):
    """Alone and in chains, whose autograd functions are of our own."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    found = profiled(GradientFilter(patch_size=2, last=2, fuse=fuse).apply(model), tmp_path / "files")
    assert all(seconds > 0 for name in ("0", "2") for times in found[name] for seconds in times)
