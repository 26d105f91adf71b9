"""What every method in the table keeps to; a new line in METHODS is tested here by itself."""

import copy
import dataclasses
import json
import pickle
import random

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from gradfilter.errors import AlreadyApplied, NotApplied
from gradfilter.methods import METHODS, Method, changed_layers

# Plain training is in the suite too: the base class must change nothing.
ALL = [Method, *METHODS.values()]
method_classes = pytest.mark.parametrize("method_class", ALL, ids=lambda method: method.name or "plain")


def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(4, 3, 21, 21, generator=generator), torch.tensor([0, 1, 2, 3])


def train(model, method, steps=3):
    """Train as any training loop does with a method; the losses."""
    torch.manual_seed(0)  # what a method draws
    method.apply(model)
    x, labels = batch()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = method.optimizer(parameters, 0.05) or torch.optim.SGD(parameters, lr=0.05)
    draw, losses = random.Random(0), []
    for step in range(steps):
        if not method.keep_batch(step, draw):
            continue
        loss = nn.functional.cross_entropy(model(x), labels)
        extra = method.extra_loss(model)
        optimizer.zero_grad()
        (loss if extra is None else loss + extra).backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def test_table_names_its_methods():
    """Each key is its class's own name, in the spelling of options and files."""
    assert list(METHODS) == [method.name for method in METHODS.values()]
    assert all(name.isidentifier() and name == name.lower() for name in METHODS)


@method_classes
def test_output_has_the_plain_shape(method_class, small_network):
    """A method leaves the network's interface alone."""
    x, _ = batch()
    assert small_network()(x).shape == method_class().apply(small_network())(x).shape


@method_classes
def test_training_goes_on(method_class, small_network):
    """Losses stay finite and the head, which every method trains, really is trained."""
    model = small_network()
    before = model.head.weight.detach().clone()
    losses = train(model, method_class())
    assert losses
    assert all(map(torch.isfinite, map(torch.tensor, losses)))
    assert not torch.equal(before, model.head.weight)


@method_classes
def test_same_seed_gives_the_same_weights(method_class, small_network):
    """Two trainings from one seed end at the same weights, bit for bit."""
    models = [small_network(), small_network()]
    for model in models:
        train(model, method_class())
    assert all(map(torch.equal, models[0].state_dict().values(), models[1].state_dict().values()))


@method_classes
def test_hooks_return_what_they_promise(method_class, small_network):
    """apply returns the model it was given; an optimizer or None; a bool; a scalar or None."""
    model, method = small_network(), method_class()
    assert method.apply(model) is model
    optimizer, extra = method.optimizer(model.parameters(), 0.1), method.extra_loss(model)
    assert optimizer is None or isinstance(optimizer, Optimizer)
    assert extra is None or extra.dim() == 0
    assert isinstance(method.keep_batch(0, random.Random(0)), bool)


@method_classes
def test_state_dict_loads_into_the_same_model(method_class, small_network):
    """A trained model's state loads into a fresh one with the method, and both agree."""
    model, fresh = small_network(), small_network(seed=1)
    train(model, method_class())
    method_class().apply(fresh).load_state_dict(model.state_dict())
    x, _ = batch()
    assert torch.equal(model.eval()(x), fresh.eval()(x))


@method_classes
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "file"])
def test_copies_keep_method_and_record(method_class, twin, small_network):
    """A copied model computes the same and still knows what was done to it."""
    model = method_class().apply(small_network()).eval()
    other = twin(model)
    x, _ = batch()
    assert torch.equal(model(x), other(x))
    assert changed_layers(model) == changed_layers(other)
    with pytest.raises(AlreadyApplied):
        method_class().apply(other)


@method_classes
def test_second_application_is_refused(method_class, small_network):
    """Applying a method to a model that has it is an error that says so."""
    model = method_class().apply(small_network())
    with pytest.raises(AlreadyApplied, match="was already applied to it"):
        method_class().apply(model)


@method_classes
def test_application_around_a_changed_part_is_refused(method_class, small_network):
    """A model whose part has the method already cannot get it as a whole."""
    model = nn.Sequential(method_class().apply(small_network()), nn.Conv2d(1, 1, 1))
    with pytest.raises(AlreadyApplied, match="was already applied to its part 0"):
        method_class().apply(model)


@method_classes
def test_removal_restores_the_plain_model(method_class, small_network):
    """After remove the model trains as one that never had the method, bit for bit, under the same state dict keys."""
    model, plain = small_network(), small_network()
    keys, kinds = list(plain.state_dict()), [type(module) for module in plain.modules()]
    assert model is method_class().apply(model)
    assert keys == [key for key in model.state_dict() if key in keys]
    assert model is method_class().remove(model)
    assert keys == list(model.state_dict())
    assert kinds == [type(module) for module in model.modules()]
    assert [] == changed_layers(model)
    assert train(plain, Method()) == train(model, Method())
    assert all(map(torch.equal, plain.state_dict().values(), model.state_dict().values()))


@method_classes
def test_removed_method_can_be_applied_again(method_class, small_network):
    """Apply, remove and apply end where one application does."""
    model, once = small_network(), method_class().apply(small_network())
    for method in (method_class(), method_class()):
        method.apply(model)
        assert changed_layers(once) == changed_layers(model)
        method.remove(model)


@method_classes
def test_removal_from_a_model_without_the_method_is_refused(method_class, small_network):
    """What was never applied, or was removed already, cannot be removed; the error names the method."""
    model = small_network()
    with pytest.raises(NotApplied, match=f"^{method_class.name} was not applied to this model"):
        method_class().remove(model)
    method_class().remove(method_class().apply(model))
    with pytest.raises(NotApplied, match="there is nothing to remove"):
        method_class().remove(model)


@method_classes
@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "file"])
def test_removal_reaches_copies_and_parts(method_class, twin, small_network):
    """A method is removed from the part of a larger model that has it; the copy's original keeps it."""
    model = method_class().apply(small_network())
    larger = nn.Sequential(twin(model), nn.Identity())
    method_class().remove(larger)
    assert [] == changed_layers(larger)
    method_class().apply(larger)
    with pytest.raises(AlreadyApplied):
        method_class().apply(model)


@method_classes
def test_changed_layers_are_the_models(method_class, small_network):
    """Every recorded layer is a module of the model, and says which method changed it."""
    model = method_class().apply(small_network())
    modules = dict(model.named_modules())
    for layer in changed_layers(model):
        assert layer.name in modules
        assert layer.change.startswith(method_class.name)


@method_classes
def test_description_is_json_and_complete(method_class):
    """A board can offer the method: source, and each option with type, default and meaning."""
    description = method_class.describe()
    assert dataclasses.asdict(description) == json.loads(json.dumps(dataclasses.asdict(description)))
    assert all(option.help and option.type for option in description.options)
    assert method_class() == method_class.from_options({option.name: option.default for option in description.options})
    assert bool(description.source) == bool(description.name)


@method_classes
def test_unknown_option_is_refused_with_what_there_is(method_class):
    """A misspelt option is named, and so are the method's own."""
    offered = ", ".join(option.name for option in method_class.describe().options) or "none"
    with pytest.raises(ValueError, match=f"has no option 'colour'; it has {offered}"):
        method_class.from_options({"colour": 1})


@method_classes
def test_option_of_a_wrong_type_is_refused(method_class):
    """No option takes an object of no JSON type."""
    for option in method_class.describe().options:
        with pytest.raises(ValueError, match=f"^{option.name} must be "):
            method_class.from_options({option.name: {1, 2}})
