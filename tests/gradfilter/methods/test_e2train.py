"""E2-Train as a whole: dropped batches, the switches together, options."""

import random

import pytest
import torch
from residual_network import make_images, make_residual_network
from torch import nn

from gradfilter.methods import E2Train


def kept(method, steps, seed=0):
    draw = random.Random(seed)
    return [method.keep_batch(step, draw) for step in range(steps)]


@pytest.mark.parametrize("drop", [0.2, 0.5, 0.9])
def test_kept_batches_are_a_binomial_share(drop):
    """Of ten thousand batches the kept ones lie within the interval that holds 99.9 % of all draws."""
    steps = 10000
    spread = 3.29 * (steps * drop * (1 - drop)) ** 0.5
    assert abs(steps * (1 - drop) - sum(kept(E2Train(drop=drop), steps))) <= spread


def test_same_seed_drops_the_same_batches():
    """The choice is the seed's; another seed's is another."""
    assert kept(E2Train(), 100, seed=4) == kept(E2Train(), 100, seed=4)
    assert kept(E2Train(), 100, seed=4) != kept(E2Train(), 100, seed=5)


def test_nothing_is_dropped_at_probability_zero():
    """Every batch is kept."""
    assert all(kept(E2Train(drop=0.0), 1000))


@pytest.mark.parametrize("select", [False, True])
@pytest.mark.parametrize("predict_signs", [False, True])
def test_switches_go_together(select, predict_signs):
    """Alone and together they train: finite losses, and every trained parameter that took part has moved."""
    torch.manual_seed(0)
    method = E2Train(drop=0.0, select=select, predict_signs=predict_signs)
    network = method.apply(make_residual_network()).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(network(make_images()), torch.arange(6) % 5)
        extra = method.extra_loss(network)
        assert (extra is not None) == select
        optimizer.zero_grad()
        (loss if extra is None else loss + extra).backward()
        optimizer.step()
        assert torch.isfinite(loss)
    moved = {name for name, parameter in network.named_parameters() if not torch.equal(before[name], parameter)}
    assert {"stem.0.weight", "blocks.0.conv1.weight", "head.weight"} <= moved
    if predict_signs:
        assert {-1, 0, 1} >= set(network.stem[0].weight.grad.unique().tolist())


def test_observations_say_what_ran_and_what_is_modelled():
    """Of blocks the share of samples, of layers the signs not predicted; an energy is called modelled."""
    method = E2Train(drop=0.0, select=True, predict_signs=True)
    network = method.apply(make_residual_network()).train()
    assert {""} == set(method.observed(network).values())
    nn.init.constant_(network.selective_gates.score.bias, 200.0)
    network(make_images()).sum().backward()
    network.eval()(make_images())
    seen = method.observed(network)
    assert "for 100 % of the samples" == seen["blocks.1"]
    assert "% of its signs not predicted in the last step; products modelled at" in seen["blocks.2.conv1"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"drop": 1.0}, "drop must be between"),
        ({"on_drop": "rest"}, "on_drop must be one of skip, momentum_step"),
        ({"select_by": "pixel"}, "select_by must be one of sample, batch"),
        ({"bits_x": 17}, "bits_x must be between 1 and 16"),
        ({"threshold": -0.1}, "threshold must be"),
        ({"hidden": 0}, "hidden must be"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    """Each with its own name and what it may be."""
    with pytest.raises(ValueError, match="^" + sentence):
        E2Train.from_options(options)
