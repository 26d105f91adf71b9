"""Turning layers into filtered ones and back: what changes, what stays, what is refused, what survives a copy."""

import copy
import pickle

import pytest
import torch
from torch import nn

from gradfilter.filtering import FilteredConv2d


def layer(*args, patch_size=2, **kwargs):
    torch.manual_seed(0)
    return FilteredConv2d(*args, patch_size=patch_size, **kwargs)


def test_conversion_keeps_the_module_and_its_hooks():
    """A converted layer is the same object: its parameters, hooks and optimizer state stay valid."""
    plain, seen = nn.Conv2d(2, 3, 3), []
    plain.register_forward_hook(lambda *_: seen.append("called"))
    parameters = [id(parameter) for parameter in plain.parameters()]
    filtered = FilteredConv2d.convert(plain, 4)
    filtered(torch.randn(1, 2, 6, 6))
    assert filtered is plain
    assert (["called"], parameters) == (seen, [id(parameter) for parameter in filtered.parameters()])


def test_restored_layer_is_plain_again():
    """Restoring leaves the attributes that a plain layer has, and the plain layer's gradients."""
    plain, x = nn.Conv2d(2, 3, 3), torch.randn(2, 2, 9, 9)
    expected, attributes = torch.autograd.grad(plain(x).pow(2).sum(), plain.weight), set(vars(plain))
    filtered = FilteredConv2d.convert(plain, 4, alignment="centred", stride_correction=False)
    assert FilteredConv2d.restore(filtered) is plain
    assert (nn.Conv2d, attributes) == (type(plain), set(vars(plain)))
    assert torch.equal(expected[0], torch.autograd.grad(plain(x).pow(2).sum(), plain.weight)[0])


def test_only_a_filtered_layer_can_be_restored():
    """A layer that was never converted is refused by name."""
    with pytest.raises(ValueError, match="only a FilteredConv2d can be restored, and this is a Conv2d"):
        FilteredConv2d.restore(nn.Conv2d(2, 3, 3))


@pytest.mark.parametrize(
    ("conv", "patch_size", "reason"),
    [
        (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), 2, "padding_mode is 'reflect'"),
        (nn.Conv2d(2, 2, 3, dilation=2, stride=2), 2, "dilation 2 is not smaller than patch_size 2"),
        (nn.Conv2d(2, 2, 3, padding=1), 0, "patch_size must be at least 1, got 0"),
        (FilteredConv2d(2, 2, 3, patch_size=4), 2, "filtered already, with patch_size 4"),
        (nn.Conv1d(2, 2, 3), 2, "it is a Conv1d, and gradient filtering is published for two dimensions: leave"),
        (nn.Conv3d(2, 2, 3), 2, "it is a Conv3d, and gradient filtering is published for two dimensions: leave"),
        (nn.ConvTranspose2d(2, 2, 3), 2, "it is a ConvTranspose2d, and only nn.Conv2d itself"),
        (type("StandardizedConv2d", (nn.Conv2d,), {})(2, 2, 3), 2, "it is a StandardizedConv2d"),
    ],
)
def test_layer_that_cannot_be_filtered_is_refused(conv, patch_size, reason):
    """A layer whose gradients would be wrong is left as it is, and the reason is given."""
    kind = type(conv)
    with pytest.raises(ValueError, match=reason):
        FilteredConv2d.convert(conv, patch_size)
    assert kind is type(conv)


def test_unknown_alignment_is_refused():
    """A misspelled alignment is named, with those there are."""
    with pytest.raises(ValueError, match="alignment is 'center', and must be one of 'corner', 'centred'"):
        layer(2, 2, 3, alignment="center")


def test_layer_shows_how_it_is_filtered():
    """The patch size always, the published choices where they were made."""
    assert repr(layer(2, 2, 3)).endswith("patch_size=2)")
    published = layer(2, 2, 3, alignment="centred", stride_correction=False)
    assert repr(published).endswith("patch_size=2, alignment=centred, stride_correction=False)")


def test_state_dict_round_trip():
    """Filtered and plain layers load each other's state."""
    filtered, plain = layer(2, 3, 3), nn.Conv2d(2, 3, 3)
    plain.load_state_dict(filtered.state_dict())
    filtered.load_state_dict(plain.state_dict())
    assert list(plain.state_dict()) == list(filtered.state_dict())


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda conv: pickle.loads(pickle.dumps(conv))], ids=["copy", "pickle"])
def test_copies_stay_filtered(twin):
    """A copied or pickled layer gives the same output and the same filtered gradients."""
    filtered, x = layer(2, 3, 3, patch_size=4), torch.randn(2, 2, 9, 9)
    other = twin(filtered)
    for conv in (filtered, other):
        conv(x).pow(2).sum().backward()
    assert torch.equal(filtered.weight.grad, other.weight.grad)
    assert "patch_size=4" in repr(other)
