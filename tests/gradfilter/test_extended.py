"""Classes extended in place."""

import copy
import pickle

import torch
from torch import nn

from gradfilter.extended import Extension, extend, unextend


class Doubled(Extension):
    def forward(self, x):
        return 2 * super().forward(x)


class Shifted(Extension):
    def forward(self, x):
        return 1 + super().forward(x)


def test_extension_stands_before_the_modules_own_forward():
    """The module stays itself and of its class; its state dict's keys stay too."""
    layer = nn.Linear(2, 2)
    x, keys = torch.rand(3, 2), list(layer.state_dict())
    expected = 2 * layer(x)
    extend(layer, Doubled)
    assert torch.equal(expected, layer(x))
    assert isinstance(layer, nn.Linear)
    assert keys == list(layer.state_dict())


def test_extensions_stand_before_one_another_and_go_in_any_order():
    """The later is called first; taking the earlier away leaves it."""
    layer = nn.Linear(2, 2)
    x = torch.rand(3, 2)
    plain = layer(x)
    extend(layer, Doubled)
    extend(layer, Shifted)
    assert torch.equal(1 + 2 * plain, layer(x))
    unextend(layer, Doubled)
    assert torch.equal(1 + plain, layer(x))
    unextend(layer, Shifted)
    assert nn.Linear is type(layer)


def test_copies_and_pickles_are_of_the_same_class():
    """What two extensions made of a class survives both."""
    layer = nn.Linear(2, 2)
    extend(layer, Doubled)
    extend(layer, Shifted)
    x = torch.rand(3, 2)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(layer) is type(twin)
        assert torch.equal(layer(x), twin(x))
