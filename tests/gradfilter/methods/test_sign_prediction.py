"""Predicted signs against a slow reference in float64, and the guarantee that a large enough threshold gives."""

import pytest
import torch
import torch.nn.functional as F
from residual_network import make_images, make_residual_network
from torch import nn

from gradfilter.errors import UnsupportedModel
from gradfilter.inspection import counting_saved_bytes
from gradfilter.methods import E2Train
from gradfilter.methods.quantisation import Quantised, quantise
from gradfilter.methods.sign_prediction import predicted_signs

EXACT = {"bits_x": 32, "bits_w": 32, "bits_g": 32}
SIGNS = {"drop": 0.0, "predict_signs": True}


def signed(layer, **options):
    E2Train(**dict(SIGNS, **options)).apply(layer)
    return layer


def make_convolution(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Conv2d(4, 6, 3, stride=2, padding=1).to(dtype)


def run(layer, x):
    """The layer's gradient for a fixed weighted sum, and that of its input; the weights of the sum."""
    x = x.clone().requires_grad_()
    y = layer(x)
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(2), dtype=y.dtype)
    y.backward(dy)
    return layer.weight.grad, x.grad, dy


def maps(dtype=torch.float64):
    return torch.randn(3, 4, 7, 6, generator=torch.Generator().manual_seed(1), dtype=dtype)


def slow_quantised(x, bits, msb=None):
    """The formulas value by value."""
    low, step = x.min().item(), (x.max().item() - x.min().item()) / 2**bits
    values = []
    for value in x.flatten().tolist():
        code = min(round((value - low) / step), 2**bits - 1)
        if msb is not None:
            code = round(code / 2 ** (bits - msb)) * 2 ** (bits - msb)
        values.append(low + code * step)
    return torch.tensor(values, dtype=x.dtype).view(x.shape)


def slow_weight_gradient(x, dy):
    """Sum over images and outputs, tap by tap, of a 3×3 convolution with stride 2 and padding 1."""
    padded = F.pad(x, (1, 1, 1, 1))
    gradient = torch.zeros(dy.shape[1], x.shape[1], 3, 3, dtype=x.dtype)
    for u in range(3):
        for v in range(3):
            seen = padded[:, :, u : u + 2 * dy.shape[2] : 2, v : v + 2 * dy.shape[3] : 2]
            gradient[:, :, u, v] = torch.einsum("nohw,nchw->oc", dy, seen[:, :, : dy.shape[2], : dy.shape[3]])
    return gradient


def test_highest_bits_of_a_code_are_a_rounded_code():
    """The case by hand: 182 of eight bits has the four highest bits of 176."""
    code = Quantised(torch.tensor([182.0, 7.0, 9.0, 255.0]), torch.zeros(()), torch.ones(()), 8)
    assert [176, 0, 16, 256] == code.most_significant(4).codes.tolist()


@pytest.mark.parametrize("bits", [1, 4, 8, 12])
def test_quantised_values_are_the_formulas(bits):
    """Codes of at most eight bits lie in bytes; the values are the slow formula's."""
    x = maps()
    quantised = quantise(x, bits)
    assert (torch.uint8 if bits <= 8 else torch.float64) == quantised.codes.dtype
    assert torch.allclose(slow_quantised(x, bits), quantised.values(), rtol=0, atol=1e-9)


def test_constant_tensor_keeps_its_value():
    """Without a range there is one code."""
    assert torch.equal(torch.full((3,), 2.5), quantise(torch.full((3,), 2.5), 8).values())


def test_directions_are_the_slow_references():
    """Signs of the rough product where it is large, and of the fine one elsewhere."""
    weight, _, dy = run(signed(make_convolution(), threshold=0.2), maps())
    rough = slow_weight_gradient(slow_quantised(maps(), 8, 4), slow_quantised(dy, 16, 10))
    fine = slow_weight_gradient(slow_quantised(maps(), 8), slow_quantised(dy, 16))
    expected = torch.where(rough.abs() >= 0.2 * rough.abs().max(), rough.sign(), fine.sign())
    assert torch.equal(expected, weight)
    assert {-1.0, 1.0} == set(weight.flatten().tolist())


def test_exact_bits_give_the_sign_of_the_exact_gradient():
    """With 32 bits everywhere only the magnitude is lost, and the input's gradient is exact."""
    weight, dx, dy = run(signed(make_convolution(), bits_x_msb=32, bits_g_msb=32, **EXACT), maps())
    exact, exact_dx, _ = run(make_convolution(), maps())
    assert torch.equal(exact.sign(), weight)
    assert torch.allclose(exact_dx, dx, rtol=1e-9, atol=1e-12)
    assert dy.dtype == dx.dtype


def test_all_bits_and_no_threshold_give_the_quantised_gradients_sign():
    """A prediction from all bits is what it predicts."""
    weight, _, dy = run(signed(make_convolution(), bits_x_msb=8, bits_g_msb=16, threshold=0.0), maps())
    assert torch.equal(slow_weight_gradient(slow_quantised(maps(), 8), slow_quantised(dy, 16)).sign(), weight)


def test_threshold_of_all_trusts_no_prediction_but_the_largest():
    """At 1 everything but the largest comes from the fine product."""
    rough, fine = torch.tensor([1.0, -2.0, 0.5]), torch.tensor([-1.0, 1.0, 1.0])
    signs, unsure = predicted_signs(rough, fine, 1.0, sparsify=False)
    assert ([-1, -1, 1], [True, False, True]) == (signs.tolist(), unsure.tolist())


def test_sparse_directions_leave_small_predictions_alone():
    """Instead of a sign there is 0, and no fine product counts."""
    weight, _, _ = run(signed(make_convolution(), sparsify=True, threshold=0.3), maps())
    assert {-1.0, 0.0, 1.0} == set(weight.flatten().tolist())


def test_share_of_untrusted_predictions_grows_with_the_threshold():
    """It is a share, and a higher threshold never trusts more."""
    shares = []
    for threshold in (0.0, 0.05, 0.2, 0.6, 1.0):
        layer = signed(make_convolution(), threshold=threshold)
        run(layer, maps())
        shares.append(layer.unsure_share)
    assert 0.0 == shares[0]
    assert shares == sorted(shares)
    assert shares[-1] <= 1


def test_trusted_signs_are_right_above_the_error_bound():
    """
    With the half steps dx and dg of the highest bits, a rough product is off by Σ |x| dg + |dy| dx + dx dg at most;
    every prediction larger than that has the fine product's sign.
    """
    x, dy = maps(), run(make_convolution(), maps())[2]
    quantised_x, quantised_dy = slow_quantised(x, 8), slow_quantised(dy, 16)
    half_x = (x.max() - x.min()) / 2**8 * 2 ** (8 - 4) / 2
    half_dy = (dy.max() - dy.min()) / 2**16 * 2 ** (16 - 10) / 2
    ones = torch.ones_like
    bound = (
        half_dy * slow_weight_gradient(quantised_x.abs(), ones(dy))
        + half_x * slow_weight_gradient(ones(x), quantised_dy.abs())
        + half_x * half_dy * slow_weight_gradient(ones(x), ones(dy))
    )
    rough = slow_weight_gradient(slow_quantised(x, 8, 4), slow_quantised(dy, 16, 10))
    fine = slow_weight_gradient(quantised_x, quantised_dy)
    assert ((rough - fine).abs() <= bound).all()
    accepted = rough.abs() > bound
    assert accepted.any()
    assert torch.equal(rough.sign()[accepted], fine.sign()[accepted])


def test_inputs_are_kept_in_bytes():
    """A quarter of the floats that a plain convolution keeps."""
    x = maps(torch.float32).requires_grad_()
    for layer, width in ((make_convolution(torch.float32), 4), (signed(make_convolution(torch.float32)), 1)):
        with counting_saved_bytes(layer) as saved:
            layer(x)
        assert width * x.numel() == saved.total


@pytest.mark.parametrize("rows", [(5,), (2, 5), (2, 3, 5)], ids=str)
def test_linear_layers_get_signs_too(rows):
    """Weight and bias, from quantised sums, however many axes the rows have."""
    torch.manual_seed(0)
    layer = signed(nn.Linear(6, 4), bits_x_msb=32, bits_g_msb=32, **EXACT)
    plain = nn.Linear(6, 4)
    plain.load_state_dict(layer.state_dict())
    x, dy = torch.randn(*rows, 6), torch.randn(*rows, 4)
    for module in (layer, plain):
        module(x).backward(dy)
    assert torch.equal(plain.weight.grad.sign(), layer.weight.grad)
    assert torch.equal(plain.bias.grad.sign(), layer.bias.grad)


def test_second_derivatives_are_refused():
    """Signs have none, and nobody gets zeros for one."""
    x = maps().requires_grad_()
    (dx,) = torch.autograd.grad(signed(make_convolution())(x).pow(2).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


def test_frozen_layers_and_normalisations_stay():
    """Only trained convolutions and linear layers get signs; BatchNorm keeps ordinary gradients."""
    network = make_residual_network()
    network.stem.requires_grad_(requires_grad=False)
    signed(network)(make_images()).sum().backward()
    assert network.stem[0].weight.grad is None
    assert {-1.0, 0.0, 1.0} >= set(network.head.weight.grad.flatten().tolist())
    assert not {-1.0, 0.0, 1.0} >= set(network.blocks[0].norm1.weight.grad.tolist())


def test_layer_of_an_unknown_class_is_refused():
    """A subclass may compute something else, and its name is told."""
    own = type("OwnConv2d", (nn.Conv2d,), {})
    with pytest.raises(UnsupportedModel, match="0: it is a OwnConv2d"):
        signed(nn.Sequential(own(3, 3, 1)))
