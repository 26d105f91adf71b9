"""The report on a model and a method: its numbers, its text, and what it leaves untouched."""

import copy
import dataclasses
import json
import random
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gradfilter.errors import AlreadyApplied, UnsupportedModel
from gradfilter.inspection import gradient_report
from gradfilter.inspection.layer_flops import Flops
from gradfilter.inspection.report import Cost
from gradfilter.inspection.table import change_of
from gradfilter.methods import GradientFilter, Method, changed_layers

FILTER = GradientFilter(patch_size=4, last=2)


def batch_loss(model):
    return F.cross_entropy(model(images()), torch.tensor([1, 3]))


def strict_json(report):
    return json.loads(json.dumps(dataclasses.asdict(report), allow_nan=False))


def test_gradients_are_those_of_two_trainings(small_network):
    """Cosine and ratio agree with gradients that were computed apart, by plain backward passes."""
    plain, filtered = small_network(), FILTER.apply(small_network())
    for model in (plain, filtered):
        batch_loss(model).backward()
    report = gradient_report(small_network(), FILTER, batch_loss)
    assert ["block.pointwise", "last"] == [layer.gradient.name for layer in report.layers]
    for layer in report.layers:
        exact, changed = (dict(model.named_modules())[layer.gradient.name].weight.grad for model in (plain, filtered))
        cosine = F.cosine_similarity(exact.flatten(), changed.flatten(), dim=0)
        snr_db = 20 * torch.log10(exact.norm() / (exact - changed).norm())
        assert abs(float(cosine) - layer.gradient.cosine) < 1e-5
        assert abs(float(snr_db) - layer.gradient.snr_db) < 1e-3


def test_costs_are_those_of_the_layers(small_network):
    """Bytes and operations by hand: 2 images of 8 by 8 in 8 and 12 channels, 2 by 2 patches of 4."""
    pointwise, last = gradient_report(small_network(), FILTER, batch_loss).layers
    assert "gradient_filter patch_size=4" == last.change
    plain = 2 * 128 * 12 * 72
    assert Cost(4 * 128 * 8, Flops(plain, 2 * plain)) == last.before
    assert Cost(4 * 8 * 8, Flops(plain + 128 * 8, 128 * 12 + 2 * (2 * 96 * 8) + 96 * 8)) == last.after
    assert (4 * 128 * 8, 4 * 8 * 8) == (pointwise.before.saved_bytes, pointwise.after.saved_bytes)


def test_step_changes_by_its_layers(small_network):
    """What the layers lose the step loses, but for the input that BatchNorm's ReLU keeps anyway."""
    report = gradient_report(small_network(), replace(FILTER, fuse=False), batch_loss)
    saved_flops = sum(layer.before.flops.backward - layer.after.flops.backward for layer in report.layers)
    assert saved_flops == report.before.flops.backward - report.after.flops.backward
    pointwise, last = report.layers
    assert last.before.saved_bytes - last.after.saved_bytes - pointwise.after.saved_bytes == (
        report.before.saved_bytes - report.after.saved_bytes
    )


def test_chains_lower_the_step_and_not_the_layers():
    """A chain keeps less of the maps between its layers; a layer's own figure is that of the layer by itself."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Flatten())
    fused, apart = (
        gradient_report(network, GradientFilter(patch_size=4, fuse=fuse), lambda model: model(images()).square().mean())
        for fuse in (True, False)
    )
    assert fused.after.saved_bytes < apart.after.saved_bytes
    assert [layer.after for layer in apart.layers] == [layer.after for layer in fused.layers]


def images():
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def test_everything_is_left_as_it_was(small_network):
    """The model, its gradients, statistics and hooks, the method and the random generators are untouched."""
    model, method = nn.Sequential(small_network(), nn.Dropout(0.3)), copy.deepcopy(FILTER)
    batch_loss(model).backward()
    state = copy.deepcopy(model.state_dict())
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    generators = (torch.get_rng_state(), random.getstate())
    gradient_report(model, method, batch_loss)
    assert all(map(torch.equal, state.values(), model.state_dict().values()))
    assert all(map(torch.equal, gradients, [parameter.grad for parameter in model.parameters()]))
    assert model.training
    assert [] == changed_layers(model)
    assert [] == [hook for module in model.modules() for hook in module._forward_hooks]
    assert FILTER == method
    assert torch.equal(generators[0], torch.get_rng_state())
    assert generators[1] == random.getstate()


def test_method_that_changes_nothing_costs_nothing(small_network):
    """Plain training against itself: no layers, the same step."""
    report = gradient_report(small_network(), Method(), batch_loss)
    assert [] == report.layers
    assert report.before == report.after


def test_earlier_methods_layers_are_not_reported(small_network):
    """Only what this method changes is reported, on a model that something else was done to before."""
    model = small_network()
    Method().apply(model)
    assert ["last"] == [x.gradient.name for x in gradient_report(model, GradientFilter(last=1), batch_loss).layers]


def test_exact_and_frozen_layers_are_told_apart(small_network):
    """A layer left exact above the others is equal, one that is frozen says so; both are strict JSON."""
    model = small_network()
    model.block.pointwise.weight.requires_grad = False
    report = gradient_report(model, GradientFilter(last=2, patch_sizes={"last": 1}), batch_loss)
    pointwise, last = strict_json(report)["layers"]
    assert {"name": "last", "cosine": 1.0, "snr_db": None, "reason": ""} == last["gradient"]
    assert "frozen: its weight is not trained" == pointwise["gradient"]["reason"]
    assert last["before"] == last["after"]
    # torch keeps the input of a frozen convolution between trained ones; the filtered one has no use for it.
    assert (4 * 128 * 8, 0) == (pointwise["before"]["saved_bytes"], pointwise["after"]["saved_bytes"])


def test_text_is_an_aligned_table(small_network):
    """One line per layer and one for the step, columns aligned, reasons and kinds of numbers below, ASCII only."""
    model = small_network()
    model.block.pointwise.weight.requires_grad = False
    text = str(gradient_report(model, GradientFilter(patch_size=4, last=2, patch_sizes={"last": 1}), batch_loss))
    lines = text.splitlines()
    assert ["layer", "change", "cosine", "SNR", "[dB]", "forward", "backward", "saved"] == lines[0].split()
    assert "block.pointwise  gradient_filter patch_size=4                   -         -" == lines[2][:75]
    assert "last             gradient_filter patch_size=1, left exact   1.000     exact" == lines[3][:75]
    assert lines[3].endswith("4.096 -> 4.096 kB")
    assert lines[4].startswith("whole step")
    assert "block.pointwise: frozen: its weight is not trained." == lines[5]
    assert "FLOPs are modelled" in lines[6]
    assert len({len(line) for line in lines[:5]}) == 1
    assert text.encode("ascii")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0, 0, "0 -> 0 B"),
        (999, 5, "999 -> 5 B"),
        (1000, 64, "1 -> 0.064 kB"),
        (64, 200704, "0.064 -> 200.7 kB"),
        (5 * 10**9, 10**7, "5 -> 0.01 GB"),
        (10**19, 0, "1e+04 -> 0 PB"),
    ],
)
def test_pairs_share_the_larger_ones_prefix(before, after, expected):
    """Both numbers of a pair are in one unit, so that they can be compared at a glance."""
    assert expected == change_of(before, after, "B")


def test_model_that_is_a_convolution():
    """The layer without a name is called the model itself."""
    report = gradient_report(nn.Conv2d(3, 2, 3), GradientFilter(), lambda model: model(torch.ones(1, 3, 8, 8)).sum())
    assert "the model itself  gradient_filter patch_size=2" in str(report)


def test_refusals_of_the_method_come_through(small_network):
    """A model that the method cannot handle, or has handled, is refused before anything is computed."""
    with pytest.raises(UnsupportedModel, match="4 Conv2d, and 9 were asked for"):
        gradient_report(small_network(), GradientFilter(last=9), batch_loss)
    with pytest.raises(AlreadyApplied):
        gradient_report(GradientFilter().apply(small_network()), GradientFilter(), batch_loss)
