"""Which layers a network can spare: by how much accuracy each costs alone, then added in rounds with fine-tuning.

Source: Chen et al., ViP, WACV 2020, and its released code: each layer is pooled virtually by itself, without
retraining; the least sensitive are added first, round by round, and the network is fine-tuned after each.
"""

import copy
from typing import Callable, List, NamedTuple, Sequence

from torch import nn

from gradfilter.bench.schema.checks import check_range
from gradfilter.methods.virtual_pooling import VirtualPooling

Accuracy = Callable[[nn.Module], float]  # on held-out data, between 0 and 1
FineTune = Callable[[nn.Module], None]  # trains a network in place


class Sensitivity(NamedTuple):
    """A layer, and by how much its virtual pooling alone lowers the accuracy; below 0 where it rises."""

    name: str
    drop: float


class Round(NamedTuple):
    """Layers added together: all that are pooled then, the accuracy after fine-tuning, and whether they were kept."""

    added: List[str]
    layers: List[str]
    accuracy: float
    kept: bool


class Search(NamedTuple):
    """What a search found. layers: those of the last round that was kept; model: as it was fine-tuned with them."""

    accuracy: float  # of the plain model
    sensitivities: List[Sensitivity]
    rounds: List[Round]
    layers: List[str]
    model: nn.Module


def layer_sensitivities(model: nn.Module, accuracy: Accuracy, names: Sequence[str]) -> List[Sensitivity]:
    """The accuracy that each layer costs by itself, least sensitive first; the model stays as it is.

    Raises:
        UnsupportedModel: a layer cannot be pooled virtually.
    """
    return _sensitivities(model, accuracy, names, accuracy(model))


def search_layers(
    model: nn.Module,
    accuracy: Accuracy,
    fine_tune: FineTune,
    *,
    names: Sequence[str],
    most_drop: float,
    per_round: int = 1,
) -> Search:
    """Add layers in rounds, the least sensitive first, while the accuracy stays within most_drop of the plain model's.

    A round that goes below is taken back, and ends the search. The model that is given stays plain and untouched.

    Raises:
        ValueError: per_round or most_drop is out of range.
        UnsupportedModel: a layer cannot be pooled virtually.
    """
    check_range("per_round", per_round, 1, len(names))
    check_range("most_drop", most_drop, 0, 1)
    plain = accuracy(model)
    sensitivities = _sensitivities(model, accuracy, names, plain)
    order = [layer.name for layer in sensitivities]
    rounds: List[Round] = []
    kept = copy.deepcopy(model)
    layers: List[str] = []
    for start in range(0, len(order), per_round):
        added = order[start : start + per_round]
        candidate = _pooled(kept, added, before=layers)
        fine_tune(candidate)
        reached = accuracy(candidate)
        within = reached >= plain - most_drop
        rounds.append(Round(added, [*layers, *added], reached, within))
        if not within:
            break
        kept, layers = candidate, [*layers, *added]
    return Search(plain, sensitivities, rounds, layers, kept)


def _sensitivities(model: nn.Module, accuracy: Accuracy, names: Sequence[str], plain: float) -> List[Sensitivity]:
    """The same, where the plain model's accuracy is known."""
    found = [Sensitivity(name, plain - accuracy(_pooled(model, [name]))) for name in names]
    return sorted(found, key=lambda layer: layer.drop)


def _pooled(model: nn.Module, added: Sequence[str], before: Sequence[str] = ()) -> nn.Module:
    """A copy of a model with more layers pooled virtually than before."""
    model = copy.deepcopy(model)
    if before:
        VirtualPooling().remove(model)
    return VirtualPooling(layers=[*before, *added]).apply(model)
