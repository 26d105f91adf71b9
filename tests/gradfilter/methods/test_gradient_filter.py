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
    assert [MethodedLayer(n, "gradient_filter patch_size=1, left exact") for n in CONVOLUTIONS[2:]] == changed_layers(
        model
    )


def test_output_stays_and_gradients_change(small_network):
    """The whole network's output is untouched; the filtered layer's gradient is constant over its taps."""
    model, plain = GradientFilter(patch_size=4, last=1, fuse=False).apply(small_network()), small_network()
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


def test_removal_undoes_whatever_was_applied(small_network):
    """Own patch sizes, exact layers and another alignment all go, and a layer that is gone is no obstacle."""
    model = GradientFilter(patch_sizes={"stem.0": 1, "last": 4}, alignment="centred").apply(small_network())
    model.block.pointwise = nn.Identity()
    GradientFilter().remove(model)
    assert [] == filtered_names(model)
    assert repr(small_network().last) == repr(model.last)
    assert vars(small_network().last).keys() == vars(model.last).keys()


def test_plain_model_loads_the_filtered_state(small_network):
    """The state dict is the plain model's, key by key, in both directions."""
    model, plain = GradientFilter(patch_size=4).apply(small_network()), small_network(seed=1)
    assert list(plain.state_dict()) == list(model.state_dict())
    plain.load_state_dict(model.state_dict())
    model.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alignment": "centred"}, "centred"),
        ({"stride_correction": False}, "published scale"),
        ({"reference_compat": True}, "centred, published scale"),
        ({"reference_compat": True, "alignment": "corner", "stride_correction": True}, "centred, published scale"),
    ],
    ids=str,
)
def test_other_arithmetic_reaches_the_layers_and_the_record(options, words, small_network):
    """What is not the default operator is told to each layer and written down for each."""
    model = GradientFilter(patch_size=4, last=1, **options).apply(small_network())
    assert [MethodedLayer("last", "gradient_filter patch_size=4, " + words)] == changed_layers(model)
    assert ("centred" in words, "scale" not in words) == (
        model.last.alignment == "centred",
        model.last.stride_correction,
    )


def test_published_scale_is_larger_by_the_stride_squared(small_network):
    """Without the correction a stride of 2 makes the filtered gradients 4 times as large."""
    gradients = []
    for correction in (True, False):
        model = GradientFilter(layers=["stem.0"], stride_correction=correction).apply(small_network().double())
        torch.manual_seed(0)
        model(torch.randn(2, 3, 16, 16).double()).sum().backward()
        gradients.append(model.stem[0].weight.grad)
    assert torch.allclose(4 * gradients[0], gradients[1])


def test_convolution_that_is_filtered_already_is_refused(small_network):
    """A layer that someone filtered before can be neither filtered nor called exact."""
    model = small_network()
    FilteredConv2d.convert(model.last, 4)
    for patch_size in (1, 2):
        with pytest.raises(UnsupportedModel, match="last: it is filtered already, with patch_size 4"):
            GradientFilter(patch_size=patch_size, last=1).apply(model)


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
        ({"last": 2, "layers": ["a"]}, "last must be at most 1, the number of names in layers, got 2."),
        ({"types": []}, "types must have 1 to 4 entries, got 0."),
        ({"types": ["dense"]}, "types must be one of standard, pointwise, depthwise, grouped, got 'dense'."),
        ({"types": ["grouped", "grouped"]}, "types must be distinct, got 'grouped' more than once."),
        ({"patch_sizes": {}}, "patch_sizes must have 1 to 10000 entries, got 0."),
        ({"patch_sizes": {"last": 0}}, r"patch_sizes\['last'\] must be at least 1, got 0."),
        ({"patch_sizes": {"last": 2.0}}, r"patch_sizes must be Optional\[Dict\[str, int\]\], got {'last': 2.0}."),
        ({"alignment": "middle"}, "alignment must be one of corner, centred, got 'middle'."),
        ({"stride_correction": 1}, "stride_correction must be bool, got 1."),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options, sentence):
    """Each wrong option gets one sentence that begins with its name."""
    with pytest.raises(ValueError, match="^" + sentence):
        GradientFilter.from_options(options)
