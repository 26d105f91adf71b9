"""Weights into a network: what must fit and what may stay as it was."""

import pytest
import torch

from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.tiny_cnn import TinyCnn
from gradfilter.bench.weights_loading import load_weights


def seeded(classes, seed):
    torch.manual_seed(seed)
    return TinyCnn(classes)


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_weights_of_the_same_network_fill_it(prefix):
    """
    Every parameter and statistic is copied, from under a wrapper's prefix too, and nothing is left over.
    """
    model, other = seeded(10, 0), seeded(10, 1).state_dict()
    assert [] == load_weights(model, {prefix + name: value for name, value in other.items()}, "file:zoo.npz")
    assert all(torch.equal(other[name], value) for name, value in model.state_dict().items())


def test_head_of_another_size_stays_random_and_is_told():
    """
    Weights for other classes fill all but the head, which keeps its seeded start as a whole.
    """
    model, before, other = seeded(10, 0), seeded(10, 0).state_dict(), seeded(1000, 1).state_dict()
    assert ["head"] == load_weights(model, other, "file:zoo.npz")
    after = model.state_dict()
    assert all(torch.equal((before if name.startswith("head.") else other)[name], after[name]) for name in after)


def test_weights_of_one_module_leave_the_others():
    """
    Weights that cover the encoder alone name what stays beside it.
    """
    model, before, other = seeded(10, 0), seeded(10, 0).state_dict(), seeded(10, 1).state_dict()
    features = {name: value for name, value in other.items() if name.startswith("features.")}
    assert ["head"] == load_weights(model, features, "published", covers="features")
    after = model.state_dict()
    assert all(torch.equal((before if name.startswith("head.") else other)[name], after[name]) for name in after)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("features.0.weight"), r"1 missing \(features.0.weight\)"),
        (lambda state: state.pop("head.bias"), r"1 missing \(head.bias\)"),
        (lambda state: state.update(extra=torch.zeros(1)), r"1 unknown to the model \(extra\)"),
        (
            lambda state: state.update({"features.0.weight": torch.zeros(2, 3)}),
            r"1 of another shape \(features.0.weight \(2, 3\) instead of \(8, 3, 3, 3\)\)",
        ),
        (lambda state: state.clear(), r"26 missing \(features.0.weight, features.1.weight, features.1.bias, …\)"),
    ],
)
def test_weights_of_another_network_are_refused(change, sentence):
    """
    What is missing, too many or misshapen is counted, and the first few are named.
    """
    state = seeded(10, 1).state_dict()
    change(state)
    with pytest.raises(RefusedWorkload, match="file:zoo.npz does not fit the model: .*" + sentence) as refusal:
        load_weights(seeded(10, 0), state, "file:zoo.npz")
    assert "weights" == refusal.value.field
