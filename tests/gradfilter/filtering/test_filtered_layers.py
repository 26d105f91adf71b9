"""The filtered layer in a training loop: what it computes, keeps, refuses and survives."""

import inspect

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
    ("patch_size", "stride", "expected"),
    [(1, 1, 2 * 6 * 9 * 7 * 4), (2, 1, 2 * 6 * 5 * 4 * 4), (2, 2, 2 * 6 * 3 * 2 * 4), (4, 1, 2 * 6 * 3 * 2 * 4)],
)
def test_nothing_is_kept_but_the_patch_averages(patch_size, stride, expected, saved_tensors):
    """Beside the parameters, autograd keeps N × C × P_h × P_w numbers; with the filter off, the input."""
    filtered, x = layer(6, 4, 1, stride=stride, patch_size=patch_size), torch.randn(2, 6, 9, 7, requires_grad=True)
    kept, _ = saved_tensors(lambda: filtered(x))
    parameters = {parameter.data_ptr() for parameter in filtered.parameters()}
    assert expected == sum(t.numel() * t.element_size() for t in kept if t.data_ptr() not in parameters)


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


def checkpointed(filtered, x, *, reentrant):
    """The layer's output, to be computed again in the backward pass."""
    options = {"use_reentrant": reentrant} if "use_reentrant" in inspect.signature(checkpoint).parameters else {}
    if not options and not reentrant:
        pytest.skip("checkpointing without reentry came with torch 1.11")
    return checkpoint(filtered, x, **options)


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_gives_the_same_gradients(reentrant):
    """A forward pass recomputed in backward keeps the same patch averages."""
    filtered, x = layer(2, 3, 3), torch.randn(1, 2, 6, 6, requires_grad=True)
    expected = torch.autograd.grad(filtered(x).pow(2).sum(), (x, filtered.weight))
    checkpointed(filtered, x, reentrant=reentrant).pow(2).sum().backward()
    assert all(map(torch.equal, expected, (x.grad, filtered.weight.grad)))


def test_second_derivative_is_refused_through_a_checkpoint():
    """Recomputing the forward pass does not hide the approximation."""
    filtered, x = layer(2, 2, 3), torch.randn(1, 2, 6, 6, requires_grad=True)
    y = checkpointed(filtered, x, reentrant=False)
    (gradient,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    with pytest.raises(NoSecondDerivative, match="cannot be differentiated twice"):
        gradient.pow(2).sum().backward()


def test_training_and_evaluation_are_the_same_to_a_convolution():
    """The filter belongs to the layer, not to its mode: eval() filters the same gradients."""
    filtered, x = layer(2, 3, 3), torch.randn(1, 2, 6, 6, requires_grad=True)
    gradients = [torch.autograd.grad(conv(x).pow(2).sum(), x)[0] for conv in (filtered.train(), filtered.eval())]
    assert torch.equal(*gradients)


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


def test_function_refuses_dilation_it_has_no_rule_for():
    """The function checks what the layer checks."""
    x, weight = torch.randn(1, 1, 9, 9), torch.randn(1, 1, 2, 2, requires_grad=True)
    with pytest.raises(ValueError, match="patch_size 2 cannot be used: dilation 4"):
        filtered_conv2d(x, weight, patch_size=2, dilation=(4, 4))
