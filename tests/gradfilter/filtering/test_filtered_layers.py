"""The filtered layer in a training loop: what it computes, keeps, refuses and survives."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.utils.checkpoint import checkpoint

from gradfilter.errors import NoSecondDerivative
from gradfilter.filtering import FilteredConv2d, filtered_conv2d

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def layer(*args, patch_size=2, **kwargs):
    torch.manual_seed(0)
    return FilteredConv2d(*args, patch_size=patch_size, **kwargs)


def plain_twin(filtered):
    """A plain Conv2d with the same numbers."""
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
    plain = nn.Conv2d(*(getattr(filtered, name) for name in names), bias=filtered.bias is not None)
    plain.load_state_dict(filtered.state_dict())
    return plain


@pytest.mark.parametrize("memory_format", FORMATS.values(), ids=FORMATS.keys())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"stride": 2},
        {"padding": 0},
        {"dilation": 2, "padding": 2},
        {"groups": 4},
        {"groups": 16},
        {"bias": False},
        {"kernel_size": 1, "padding": 0},
        {"kernel_size": (3, 5), "padding": (0, 2), "stride": (2, 1)},
        {"padding": "same"},
    ],
    ids=str,
)
def test_forward_is_conv2d_bit_for_bit(numbers, dtype, memory_format):
    """The output is nn.Conv2d's own, with gradients wanted and without."""
    filtered = layer(16, 16, patch_size=4, **{"kernel_size": 3, "padding": 1, **numbers})
    filtered = filtered.to(dtype=dtype, memory_format=memory_format)
    plain = plain_twin(filtered).to(dtype=dtype, memory_format=memory_format)
    x = torch.randn(4, 16, 13, 14, dtype=dtype).contiguous(memory_format=memory_format)
    with torch.no_grad():
        assert torch.equal(plain(x), filtered(x))
    x.requires_grad_()
    assert torch.equal(plain(x), filtered(x))
    assert plain(x).is_contiguous(memory_format=memory_format) == filtered(x).is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("memory_format", FORMATS.values(), ids=FORMATS.keys())
def test_input_gradient_keeps_the_memory_format(memory_format):
    """A channels_last input gets a channels_last gradient, so that the layer before needs no copy."""
    filtered = layer(8, 8, 3, padding=1, patch_size=4).to(memory_format=memory_format)
    x = torch.randn(2, 8, 9, 10).contiguous(memory_format=memory_format).requires_grad_()
    # Asked for directly: accumulating into x.grad would copy it into the format of x.
    (gradient,) = torch.autograd.grad(filtered(x).sum(), x)
    assert gradient.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize(
    ("patch_size", "shapes", "expected"),
    [
        # The conv inputs of the published table, one image, float32: the last 2 and 4 layers of each network.
        (1, [(512, 7, 1), (512, 7, 1)], 200_704),
        (2, [(512, 7, 1), (512, 7, 1)], 65_536),
        (1, [(512, 7, 1), (512, 7, 1), (512, 7, 1), (256, 14, 2)], 501_760),
        (2, [(512, 7, 1), (512, 7, 1), (512, 7, 1), (256, 14, 2)], 114_688),
        (1, [(320, 7, 1), (960, 7, 1)], 250_880),
        (2, [(320, 7, 1), (960, 7, 1)], 81_920),
        (1, [(320, 7, 1), (960, 7, 1), (960, 7, 1), (160, 7, 1)], 470_400),
        (2, [(320, 7, 1), (960, 7, 1), (960, 7, 1), (160, 7, 1)], 153_600),
    ],
)
def test_nothing_is_kept_but_the_patch_sums(patch_size, shapes, expected, saved_tensors):
    """Per layer, autograd keeps N × C × P_h × P_w numbers beside the parameters: the published bytes."""
    total = 0
    for channels, size, stride in shapes:
        filtered = layer(channels, 4, 1, stride=stride, patch_size=patch_size)
        x = torch.randn(1, channels, size, size, requires_grad=True)
        kept, _ = saved_tensors(lambda x=x, filtered=filtered: filtered(x))
        parameters = {parameter.data_ptr() for parameter in filtered.parameters()}
        total += sum(t.numel() * t.element_size() for t in kept if t.data_ptr() not in parameters)
    assert expected == total


def test_no_weight_gradient_keeps_nothing_of_the_input(saved_tensors):
    """A frozen layer keeps its weight only, and passes the input gradient on."""
    filtered = layer(4, 4, 3, padding=1).requires_grad_(requires_grad=False)
    x = torch.randn(2, 4, 8, 8, requires_grad=True)
    kept, y = saved_tensors(lambda: filtered(x))
    y.sum().backward()
    assert [filtered.weight.data_ptr()] == [tensor.data_ptr() for tensor in kept]
    assert (None, x.shape) == (filtered.weight.grad, x.grad.shape)


def test_no_input_gradient_is_computed_unless_wanted(saved_tensors):
    """Without an input gradient not even the weight is kept, so that none can be computed."""
    filtered, x = layer(4, 4, 3, padding=1), torch.randn(2, 4, 8, 8)
    kept, y = saved_tensors(lambda: filtered(x))
    y.sum().backward()
    assert [(2, 4, 4, 4)] == [tuple(tensor.shape) for tensor in kept]
    assert (None, filtered.weight.shape) == (x.grad, filtered.weight.grad.shape)


def test_inference_keeps_nothing(saved_tensors):
    """Without gradients the layer is a plain convolution."""
    filtered, x = layer(4, 4, 3), torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        kept, y = saved_tensors(lambda: filtered(x))
    assert ([], False) == (kept, y.requires_grad)


@pytest.mark.parametrize("wanted", ["x", "weight", "bias"])
def test_second_derivative_is_refused(wanted):
    """Differentiating any filtered gradient raises the library's own error, never a wrong number."""
    filtered, x = layer(2, 2, 3), torch.randn(1, 2, 6, 6, requires_grad=True)
    inputs = {"x": x, "weight": filtered.weight, "bias": filtered.bias}
    (gradient,) = torch.autograd.grad(filtered(x).sum(), inputs[wanted], create_graph=True)
    with pytest.raises(NoSecondDerivative, match="cannot be differentiated twice"):
        gradient.pow(2).sum().backward()


def test_weight_changed_before_backward_is_noticed():
    """Backward sums the live weight, so autograd refuses one that was overwritten since forward."""
    filtered, x = layer(2, 2, 3), torch.randn(1, 2, 6, 6, requires_grad=True)
    y = filtered(x)
    with torch.no_grad():
        filtered.weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_gradients_accumulate():
    """Two backward passes add up, as for every layer."""
    filtered, x = layer(2, 3, 3), torch.randn(1, 2, 6, 6)
    filtered(x).sum().backward()
    once = filtered.weight.grad.clone()
    filtered(x).sum().backward()
    assert torch.equal(2 * once, filtered.weight.grad)


def test_checkpointing_gives_the_same_gradients():
    """A forward pass recomputed in backward keeps the same patch sums."""
    filtered, x = layer(2, 3, 3), torch.randn(1, 2, 6, 6, requires_grad=True)
    expected = torch.autograd.grad(filtered(x).pow(2).sum(), (x, filtered.weight))
    options = {} if torch.__version__.startswith("1.") else {"use_reentrant": True}
    checkpoint(filtered, x, **options).pow(2).sum().backward()
    assert all(map(torch.equal, expected, (x.grad, filtered.weight.grad)))


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda conv: pickle.loads(pickle.dumps(conv))], ids=["copy", "pickle"])
def test_copies_stay_filtered(twin):
    """A copied or pickled layer gives the same output and the same filtered gradients."""
    filtered, x = layer(2, 3, 3, patch_size=4), torch.randn(2, 2, 9, 9)
    other = twin(filtered)
    for conv in (filtered, other):
        conv(x).pow(2).sum().backward()
    assert torch.equal(filtered.weight.grad, other.weight.grad)
    assert "patch_size=4" in repr(other)


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


def test_state_dict_round_trip():
    """Filtered and plain layers load each other's state."""
    filtered, plain = layer(2, 3, 3), nn.Conv2d(2, 3, 3)
    plain.load_state_dict(filtered.state_dict())
    filtered.load_state_dict(plain.state_dict())
    assert list(plain.state_dict()) == list(filtered.state_dict())


def test_normalized_weight_is_trained_through():
    """A weight that is computed anew before each forward pass gets its gradients through the filter."""
    filtered = spectral_norm(layer(2, 3, 3))
    filtered(torch.randn(1, 2, 6, 6)).sum().backward()
    assert torch.isfinite(filtered.parametrizations.weight.original.grad).all()


def test_empty_batch_gives_zero_gradients():
    """A batch without images trains nothing and fails nothing."""
    filtered, x = layer(2, 3, 3), torch.randn(0, 2, 6, 6, requires_grad=True)
    filtered(x).sum().backward()
    assert (0, 2, 6, 6) == x.grad.shape
    assert torch.equal(torch.zeros_like(filtered.weight), filtered.weight.grad)


def test_single_image_without_batch_axis():
    """(C, H, W) is treated as a batch of one."""
    filtered, x = layer(2, 3, 3), torch.randn(2, 6, 6)
    assert torch.equal(filtered(x.unsqueeze(0)).squeeze(0), filtered(x))


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


def test_function_refuses_dilation_it_has_no_rule_for():
    """The function checks what the layer checks."""
    x, weight = torch.randn(1, 1, 9, 9), torch.randn(1, 1, 2, 2, requires_grad=True)
    with pytest.raises(ValueError, match="patch_size 2 cannot be used: dilation 4"):
        filtered_conv2d(x, weight, patch_size=2, dilation=(4, 4))
