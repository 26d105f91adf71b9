"""Gradient filtering as a method: which layers it changes, what it refuses, what training then does."""

import pytest
import torch
from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.errors import UnsupportedModel
from gradfilter.filtering import FilteredConv2d
from gradfilter.methods import GradientFilter, changed_layers

CONVOLUTIONS = ["stem.0", "block.depthwise", "block.pointwise", "last"]


class StandardizedConv2d(nn.Conv2d):
    """A convolution with a forward of its own."""

    def forward(self, x):
        return self._conv_forward(x, self.weight - self.weight.mean((1, 2, 3), keepdim=True), self.bias)


def filtered_names(model):
    return [name for name, module in model.named_modules() if isinstance(module, FilteredConv2d)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, CONVOLUTIONS),
        ({"last": 1}, ["last"]),
        ({"last": 4}, CONVOLUTIONS),
        ({"layers": ["last", "stem.0"]}, ["stem.0", "last"]),
    ],
    ids=str,
)
def test_chosen_layers_are_filtered_and_recorded(options, expected, small_network):
    """The last k, the named or all convolutions are filtered, and no other; the record lists them in order."""
    model = GradientFilter(patch_size=4, **options).apply(small_network())
    assert expected == filtered_names(model)
    assert [MethodedLayer(name, "gradient_filter patch_size=4") for name in expected] == changed_layers(model)


def test_patch_size_1_leaves_the_layers_but_records_them(small_network):
    """With the filter off training is plain, and the record still says what was asked for."""
    model, plain = GradientFilter(patch_size=1, last=2).apply(small_network()), small_network()
    x = torch.randn(2, 3, 16, 16)
    for network in (model, plain):
        network(x).sum().backward()
    assert torch.equal(plain.last.weight.grad, model.last.weight.grad)
    assert [] == filtered_names(model)
    assert [MethodedLayer(n, "gradient_filter patch_size=1") for n in CONVOLUTIONS[2:]] == changed_layers(model)


def test_output_stays_and_gradients_change(small_network):
    """The whole network's output is untouched; the filtered layer's gradient is constant over its taps."""
    model, plain = GradientFilter(patch_size=4, last=1).apply(small_network()), small_network()
    x = torch.randn(2, 3, 16, 16)
    outputs = [network(x) for network in (model, plain)]
    assert torch.equal(*outputs)
    for output in outputs:
        output.sum().backward()
    gradient = model.last.weight.grad
    assert torch.equal(gradient[..., :1, :1].expand_as(gradient), gradient)
    assert torch.allclose(plain.last.bias.grad, model.last.bias.grad)
    assert not torch.allclose(plain.last.weight.grad, gradient)
    assert torch.equal(plain.head.weight.grad, model.head.weight.grad)


def test_plain_model_loads_the_filtered_state(small_network):
    """The state dict is the plain model's, key by key, in both directions."""
    model, plain = GradientFilter(patch_size=4).apply(small_network()), small_network(seed=1)
    assert list(plain.state_dict()) == list(model.state_dict())
    plain.load_state_dict(model.state_dict())
    model.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(plain.eval()(x), model.eval()(x))


def test_model_may_be_a_convolution():
    """A bare Conv2d is filtered itself, and recorded under the empty name."""
    model = GradientFilter(patch_size=2).apply(nn.Conv2d(2, 2, 3))
    assert isinstance(model, FilteredConv2d)
    assert [MethodedLayer("", "gradient_filter patch_size=2")] == changed_layers(model)


def test_record_follows_the_model_into_another(small_network):
    """Seen from a larger model, the changed layers carry its prefix."""
    model = nn.Sequential(nn.Identity(), GradientFilter(last=1).apply(small_network()))
    assert ["1.last"] == [layer.name for layer in changed_layers(model)]


def test_shared_convolution_is_filtered_once():
    """A module registered under two names is one convolution."""
    conv = nn.Conv2d(3, 3, 3)
    model = GradientFilter(last=1).apply(nn.Sequential(conv, conv))
    assert ["0"] == [layer.name for layer in changed_layers(model)]


def test_every_offending_module_is_named_and_nothing_changed():
    """All layers that cannot be filtered stand in one error, and the model stays plain."""
    model = nn.Sequential(
        nn.Conv2d(3, 3, 3),
        nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"), StandardizedConv2d(3, 3, 3)),
        nn.Conv2d(3, 3, 3, dilation=3),
    )
    with pytest.raises(UnsupportedModel) as refusal:
        GradientFilter(patch_size=2).apply(model)
    reasons = ["1.0: padding_mode is 'circular'", "1.1: it is a StandardizedConv2d", "2: dilation 3 is not smaller"]
    assert all(reason in str(refusal.value) for reason in reasons)
    assert all(map(str.startswith, refusal.value.problems, reasons))
    assert [] == filtered_names(model)
    assert [] == changed_layers(model)


def test_layers_beside_an_unsupported_one_can_be_chosen():
    """A subclass of Conv2d that is not selected is no obstacle."""
    model = nn.Sequential(StandardizedConv2d(3, 3, 3), nn.Conv2d(3, 3, 3))
    assert ["1"] == filtered_names(GradientFilter(last=1).apply(model))


def test_more_layers_than_there_are(small_network):
    """Asking for too many is refused with the number there are."""
    with pytest.raises(UnsupportedModel, match="SmallNetwork has 4 Conv2d, and 5 were asked for"):
        GradientFilter(last=5).apply(small_network())


def test_model_without_convolutions():
    """There is nothing to filter in a linear model."""
    with pytest.raises(UnsupportedModel, match="Linear has 0 Conv2d, and 1 were asked for"):
        GradientFilter().apply(nn.Linear(2, 2))


def test_names_that_are_no_convolutions(small_network):
    """Each wrong name is told apart: one that is missing, with the nearest, and one of another kind."""
    with pytest.raises(UnsupportedModel) as refusal:
        GradientFilter(layers=["lasst", "head", "last"]).apply(small_network())
    assert [
        "lasst: there is no such module. Nearest: last.",
        "head: it is a Linear, not a Conv2d.",
    ] == refusal.value.problems


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"patch_size": 0}, "patch_size must be at least 1, got 0."),
        ({"patch_size": "4"}, "patch_size must be int, got '4'."),
        ({"patch_size": True}, "patch_size must be int, got True."),
        ({"last": 0}, "last must be at least 1, got 0."),
        ({"last": 1.5}, r"last must be Optional\[int\], got 1.5."),
        ({"layers": []}, "layers must have 1 to 10000 entries, got 0."),
        ({"layers": "last"}, r"layers must be Optional\[List\[str\]\], got 'last'."),
        ({"layers": ["a", "a"]}, "layers must be distinct, got 'a' more than once."),
        ({"last": 1, "layers": ["a"]}, "last and layers exclude each other"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options, sentence):
    """Each wrong option gets one sentence that begins with its name."""
    with pytest.raises(ValueError, match="^" + sentence):
        GradientFilter.from_options(options)
