"""How gradients are compared, on gradients that are known."""

import copy
import random

import pytest
import torch
from torch import nn

from gradfilter.bench.schema import LayerGradient
from gradfilter.inspection import compare_gradients
from gradfilter.methods import GradientFilter


class Change(torch.autograd.Function):
    """Passes a weight on, and puts its gradient through a function."""

    @staticmethod
    def forward(ctx, weight, change):
        ctx.change = change
        return weight.view_as(weight)

    @staticmethod
    def backward(ctx, gradient):
        return ctx.change(gradient), None


class Changed(nn.Linear):
    """A layer whose weight gradient goes through the function that was given to it."""

    def forward(self, x):
        return nn.functional.linear(x, Change.apply(self.weight, self.change))


def one_layer(change=None):
    model = nn.Sequential(nn.Linear(2, 1, bias=False))
    if change is not None:
        model[0].__class__, model[0].change = Changed, change
    return model


def sum_of(x):
    """A loss whose weight gradient is x itself."""
    return lambda model: model(torch.tensor([x])).sum()


def compared(change, x=(3.0, 4.0)):
    """A layer with weight gradient x against one whose gradient is put through change."""
    (result,) = compare_gradients(one_layer(), one_layer(change), sum_of(list(x)), ["0"])
    return result


@pytest.mark.parametrize(
    ("change", "cosine", "snr_db"),
    [
        (lambda g: 2 * g, 1.0, 0.0),
        (lambda g: -g, -1.0, -6.0206),
        (lambda g: 1.1 * g, 1.0, 20.0),
        (lambda g: g.flip(1), 24 / 25, 10.9691),
        (lambda g: g * torch.tensor([[1.0, 0.0]]), 0.6, 1.9382),
    ],
    ids=["twice", "opposite", "a tenth more", "turned", "half of it"],
)
def test_angle_and_ratio_by_hand(change, cosine, snr_db):
    """For the gradient (3, 4): the cosine of the angle, and how many decibels it stands above the difference."""
    result = compared(change)
    assert "" == result.reason
    assert abs(cosine - result.cosine) < 1e-6
    assert abs(snr_db - result.snr_db) < 1e-3


def test_equal_gradients_have_no_finite_ratio():
    """Nothing differs: the cosine is 1, the ratio is infinite and therefore left out, and no reason is missing."""
    assert LayerGradient(name="0", cosine=1.0, snr_db=None, reason="") == compared(lambda g: g)


@pytest.mark.parametrize(
    ("x", "change", "reason"),
    [
        ((0.0, 0.0), lambda g: g, "a gradient is zero, so that it has no direction"),
        ((3.0, 4.0), lambda g: 0 * g, "a gradient is zero, so that it has no direction"),
        ((3.0, float("inf")), lambda g: g, "a gradient is not finite"),
        ((3.0, 4.0), lambda g: g * float("nan"), "a gradient is not finite"),
    ],
    ids=["zero", "made zero", "infinite", "made NaN"],
)
def test_gradients_without_an_angle_say_why(x, change, reason):
    """A gradient of zero, or one that is not finite, gives a reason instead of numbers."""
    assert LayerGradient(name="0", reason=reason) == compared(change, x)


def test_layers_without_a_gradient_say_why():
    """Frozen, unused and weightless layers are told apart, in the order of the names."""
    model = nn.ModuleDict(
        {"used": nn.Linear(2, 2), "frozen": nn.Linear(2, 2), "unused": nn.Linear(2, 2), "act": nn.ReLU()}
    )
    model["frozen"].weight.requires_grad = False

    def loss(network):
        return network["act"](network["frozen"](network["used"](torch.ones(1, 2)))).sum() + network["used"].weight.sum()

    results = compare_gradients(model, copy.deepcopy(model), loss, ["act", "frozen", "unused", "used"])
    assert [
        ("act", "it has no weight"),
        ("frozen", "frozen: its weight is not trained"),
        ("unused", "the loss does not depend on it"),
        ("used", ""),
    ] == [(result.name, result.reason) for result in results]


def test_wholly_frozen_models_need_no_gradient():
    """Where no named layer is trained, a loss without a gradient is no error."""
    model = one_layer()
    model[0].weight.requires_grad = False
    (result,) = compare_gradients(model, copy.deepcopy(model), sum_of([1.0, 2.0]), ["0"])
    assert "frozen: its weight is not trained" == result.reason


def test_both_models_draw_the_same_random_numbers():
    """Dropout and Python's own random numbers agree between the models, and go on as if nothing had been drawn."""
    model = nn.Sequential(nn.Linear(50, 50), nn.Dropout(0.5))

    def loss(network):
        return network(torch.rand(4, 50)).sum() * random.random()

    states = (torch.get_rng_state(), random.getstate())
    (result,) = compare_gradients(model, copy.deepcopy(model), loss, ["0"])
    assert LayerGradient(name="0", cosine=1.0) == result
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()


def test_stored_gradients_are_left_alone(small_network):
    """What .grad holds of a step before is neither used nor changed."""
    exact, changed = small_network(), GradientFilter(last=1).apply(small_network())
    exact.last.weight.grad = torch.ones_like(exact.last.weight)
    x = torch.rand(2, 3, 16, 16)
    (result,) = compare_gradients(exact, changed, lambda network: network(x).sum(), ["last"])
    assert 0 < result.cosine < 1
    assert torch.equal(torch.ones_like(exact.last.weight), exact.last.weight.grad)
    assert None is changed.last.weight.grad


@pytest.mark.parametrize(
    ("batch_loss", "sentence"),
    [
        (lambda model: 1.0, "batch_loss must return a scalar tensor, got a float"),
        (lambda model: model(torch.ones(3, 2)), r"batch_loss must return a scalar tensor, got one of shape \(3, 1\)"),
        (lambda model: model(torch.ones(1, 2)).sum().detach(), "batch_loss returned a loss without a gradient"),
    ],
    ids=["number", "vector", "detached"],
)
def test_what_is_no_loss_is_refused(batch_loss, sentence):
    """A number, a vector and a detached loss each get a sentence that says what a loss is."""
    with pytest.raises(ValueError, match=sentence):
        compare_gradients(one_layer(), one_layer(), batch_loss, ["0"])


def test_layer_that_is_missing_is_refused():
    """A name that one of the models does not have is named."""
    with pytest.raises(ValueError, match="the model does not have: 1, 2"):
        compare_gradients(one_layer(), one_layer(), sum_of([1.0, 2.0]), ["0", "1", "2"])
