"""The search for layers that a network can spare: each alone, then in rounds with fine-tuning."""

import pytest
import torch

from gradfilter.errors import UnsupportedModel
from gradfilter.methods import changed_layers
from gradfilter.methods.layer_sensitivity import layer_sensitivities, search_layers
from gradfilter.virtual import is_virtual

NAMES = ["stem.0", "block.depthwise", "block.pointwise", "last"]
COSTS = {"stem.0": 0.3, "block.depthwise": 0.02, "block.pointwise": 0.0, "last": 0.05}


def virtual_names(model):
    return [name for name, module in model.named_modules() if is_virtual(module)]


def accuracy(model):
    """A network that loses a known accuracy for each virtual layer."""
    return 0.9 - sum(COSTS[name] for name in virtual_names(model))


def test_layers_are_ordered_by_what_each_costs_alone(small_network):
    """Least sensitive first, each measured by itself on the plain network, which stays plain."""
    model = small_network()
    found = layer_sensitivities(model, accuracy, NAMES)
    assert ["block.pointwise", "block.depthwise", "last", "stem.0"] == [layer.name for layer in found]
    assert [0.0, 0.02, 0.05, 0.3] == pytest.approx([layer.drop for layer in found])
    assert [] == virtual_names(model)


@pytest.mark.parametrize(
    ("most_drop", "per_round", "expected", "kept"),
    [
        (0.1, 1, ["block.pointwise", "block.depthwise", "last"], [True, True, True, False]),
        (0.03, 1, ["block.pointwise", "block.depthwise"], [True, True, False]),
        (0.1, 2, ["block.pointwise", "block.depthwise"], [True, False]),
        (0.5, 3, ["block.pointwise", "block.depthwise", "last", "stem.0"], [True, True]),
        (0.0, 4, [], [False]),
    ],
)
def test_rounds_go_on_while_the_accuracy_holds(most_drop, per_round, expected, kept, small_network):
    """Layers are added by rounds, the network is fine-tuned after each, and a round too many is taken back."""
    model, tuned = small_network(), []
    search = search_layers(
        model,
        accuracy,
        lambda candidate: tuned.append(virtual_names(candidate)),
        names=NAMES,
        most_drop=most_drop,
        per_round=per_round,
    )
    assert expected == search.layers
    assert (
        sorted(expected) == sorted(virtual_names(search.model)) == sorted(c.name for c in changed_layers(search.model))
    )
    assert kept == [one.kept for one in search.rounds]
    assert [sorted(one.layers) for one in search.rounds] == [sorted(names) for names in tuned]
    assert [] == virtual_names(model)


def test_fine_tuning_goes_on_from_the_last_round_that_was_kept(small_network):
    """What a round learned is the next one's start; what a round taken back learned is lost."""

    def fine_tune(candidate):
        with torch.no_grad():
            candidate.head.bias.fill_(len(virtual_names(candidate)))

    search = search_layers(small_network(), accuracy, fine_tune, names=NAMES, most_drop=0.03)
    assert 2 == search.model.head.bias[0].item()


def test_plain_network_is_scored_once(small_network):
    """Scoring held-out data takes long: once for the plain network, each layer and each round."""
    scored = []

    def counted(candidate):
        scored.append(sorted(virtual_names(candidate)))
        return accuracy(candidate)

    search_layers(small_network(), counted, lambda _: None, names=NAMES, most_drop=0.5, per_round=4)
    assert [[], *([name] for name in NAMES), sorted(NAMES)] == scored


def test_unknown_layers_and_impossible_bounds_are_refused(small_network):
    """By the method, with the nearest name; and by the option's name."""
    with pytest.raises(UnsupportedModel, match=r"there is no such module\. Nearest: block\.pointwise"):
        layer_sensitivities(small_network(), accuracy, ["block.pointwize"])
    with pytest.raises(ValueError, match="most_drop must be between 0 and 1"):
        search_layers(small_network(), accuracy, lambda _: None, names=NAMES, most_drop=2)
