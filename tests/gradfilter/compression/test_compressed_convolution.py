"""A convolution with a compressed input: forward and input gradient exact, weight gradient within the bound."""

import typing
import weakref
from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gradfilter.compression import Codec, CompressedConv2d
from gradfilter.compression.error_bounded import ErrorBoundedCodec
from gradfilter.inspection import counting_saved_bytes

LAYERS = {
    "3×3": {"kernel_size": 3, "padding": 1},
    "strided": {"kernel_size": 3, "padding": 1, "stride": 2},
    "5×5 dilated": {"kernel_size": 5, "padding": 4, "dilation": 2},
    "1×1": {"kernel_size": 1},
    "grouped": {"kernel_size": 3, "groups": 2},
    "depthwise": {"kernel_size": 3, "groups": 4, "padding": 1},
    "same": {"kernel_size": (3, 5), "padding": "same"},
    "valid": {"kernel_size": 3, "padding": "valid"},
    "reflecting": {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
    "without bias": {"kernel_size": 3, "bias": False},
}
any_layer = pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS.keys())


def equal(expected, actual):
    """Bit for bit where torch has its whole backward pass in one operator, to rounding where it is too old (1.10)."""
    if hasattr(torch.Tensor, "mT"):  # came with 1.11, as that operator did
        return torch.equal(expected, actual)
    return torch.allclose(expected, actual, rtol=1e-4, atol=1e-5)


def pair(options, codec, dtype=torch.float32):
    """The same convolution, plain and compressed."""
    torch.manual_seed(0)
    plain = nn.Conv2d(4, 8, **options).to(dtype)
    compressed = nn.Conv2d(4, 8, **options).to(dtype)
    compressed.load_state_dict(plain.state_dict())
    return plain, CompressedConv2d.convert(compressed, codec)


def run(convolution, seed=1):
    """Output, and gradients of input, weight and bias, for a random output gradient."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, 4, 9, 7, generator=generator, dtype=convolution.weight.dtype).relu().requires_grad_()
    y = convolution(x)
    dy = torch.randn(y.shape, generator=generator, dtype=y.dtype)
    convolution.zero_grad()
    y.backward(dy)
    return x, y, dy, x.grad, convolution.weight.grad


@any_layer
@pytest.mark.parametrize("bound", [1e-3, 1e-1, 10.0])
def test_output_and_input_gradient_are_a_plain_layers(options, bound):
    """Bit for bit, whatever the bound: neither needs the input that was compressed."""
    plain, compressed = pair(options, ErrorBoundedCodec(bound, relative=False))
    (_, y, _, dx, _), (_, compressed_y, _, compressed_dx, _) = run(plain), run(compressed)
    assert torch.equal(y, compressed_y)
    assert equal(dx, compressed_dx)
    if plain.bias is not None:
        assert equal(plain.bias.grad, compressed.bias.grad)


@any_layer
def test_weight_gradient_without_a_bound_is_a_plain_layers(options):
    """A bound of 0 keeps the input itself: the weight gradient is bit for bit the same."""
    plain, compressed = pair(options, ErrorBoundedCodec(0.0, relative=False))
    assert equal(run(plain)[4], run(compressed)[4])


@any_layer
def test_weight_gradient_errs_by_no_more_than_the_bound_allows(options):
    """|error| ≤ bound · Σ |dy| for every tap: the sum over the outputs that the tap's input numbers reach."""
    bound = 0.05
    plain, compressed = pair(options, ErrorBoundedCodec(bound, relative=False), torch.float64)
    error = (run(plain)[4] - run(compressed)[4]).abs()
    dy = run(compressed)[2]
    limit = bound * dy.abs().sum((0, 2, 3)).view(-1, 1, 1, 1)
    assert 0 < error.max()
    assert (error <= limit * (1 + 1e-9)).all()


def test_weight_gradient_is_that_of_the_unpacked_input():
    """A slow reference: every product of an output gradient and the unpacked input number that it met, in loops."""
    codec = ErrorBoundedCodec(0.2, relative=False)
    _, compressed = pair({"kernel_size": 3, "padding": 1, "stride": 2}, codec, torch.float64)
    x, _, dy, _, dweight = run(compressed)
    unpacked = F.pad(codec.unpack(codec.pack(x.detach())), (1, 1, 1, 1))
    expected = torch.zeros_like(dweight)
    for o, c, u, v in product(*map(range, dweight.shape)):
        for n, i, j in product(range(dy.shape[0]), range(dy.shape[2]), range(dy.shape[3])):
            expected[o, c, u, v] += dy[n, o, i, j] * unpacked[n, c, 2 * i + u, 2 * j + v]
    assert torch.allclose(expected, dweight, rtol=1e-10)


def test_saved_bytes_are_the_buffers_that_are_held():
    """What autograd is given is what the codec packed: counted as everything else is, not computed from a ratio."""
    codec = ErrorBoundedCodec(0.01, relative=True)
    plain, compressed = pair({"kernel_size": 3}, codec)
    x = torch.randn(4, 4, 16, 16).relu()
    packed = sum(tensor.numel() * tensor.element_size() for tensor in codec.pack(x).tensors)
    with counting_saved_bytes(compressed) as saved:
        compressed(x)
    with counting_saved_bytes(plain) as saved_plainly:
        plain(x)
    assert (packed, 4 * x.numel()) == (saved.total, saved_plainly.total)
    assert 4 * packed < saved_plainly.total


def test_a_frozen_weight_keeps_nothing():
    """Without a weight gradient the input is not needed, and is neither packed nor kept."""
    plain, compressed = pair({"kernel_size": 3}, ErrorBoundedCodec(0.01, relative=True))
    for layer in (plain, compressed):
        layer.weight.requires_grad = False
    x = torch.randn(2, 4, 9, 7, requires_grad=True)
    with counting_saved_bytes(compressed) as saved:
        compressed(x).sum().backward()
    gradient, x.grad = x.grad, None
    plain(x).sum().backward()
    assert equal(x.grad, gradient)
    assert 0 == saved.total


def test_no_gradient_asked_for_keeps_nothing():
    """Under no_grad it is a plain layer."""
    plain, compressed = pair({"kernel_size": 3}, ErrorBoundedCodec(0.01, relative=True))
    x = torch.randn(2, 4, 9, 7)
    with torch.no_grad():
        assert torch.equal(plain(x), compressed(x))


class Watched(Codec):
    """Remembers what it unpacked, weakly, and how much of it was alive whenever it unpacked."""

    unpacked: typing.ClassVar[list] = []
    most_alive = 0

    def pack(self, x):
        packed = super().pack(x)
        return packed._replace(tensors=[packed.tensors[0].clone()])

    def unpack(self, packed):
        x = super().unpack(packed).clone()
        Watched.unpacked.append(weakref.ref(x))
        Watched.most_alive = max(Watched.most_alive, sum(ref() is not None for ref in Watched.unpacked))
        return x


def test_one_unpacked_input_lives_at_a_time():
    """A layer's input is unpacked when its gradient is computed, and gone when the next layer's turn comes."""
    layers = [CompressedConv2d.convert(nn.Conv2d(4, 4, 3, padding=1), Watched()) for _ in range(5)]
    nn.Sequential(*layers)(torch.randn(2, 4, 8, 8)).sum().backward()
    assert (5, 1) == (len(Watched.unpacked), Watched.most_alive)


def test_change_in_place_of_an_input_kept_as_it_is_is_noticed():
    """Where nothing could be packed autograd guards the input, as it does for a plain layer."""
    _, compressed = pair({"kernel_size": 3}, ErrorBoundedCodec(0.0, relative=False))
    x = torch.randn(2, 4, 9, 7)
    y = compressed(x)
    x.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_single_image_is_a_batch_of_one():
    """(C, H, W), which old torch's own layer does not take."""
    plain, compressed = pair({"kernel_size": 3}, ErrorBoundedCodec(0.01, relative=True))
    x = torch.randn(4, 9, 7)
    assert torch.allclose(plain(x.unsqueeze(0)).squeeze(0), compressed(x))
    compressed(x).sum().backward()


def test_only_plain_convolutions_are_converted():
    """A second conversion, a subclass and another layer are refused in words."""
    codec = ErrorBoundedCodec(0.01, relative=True)
    compressed = CompressedConv2d.convert(nn.Conv2d(1, 1, 1), codec)
    with pytest.raises(ValueError, match="compressed already"):
        CompressedConv2d.convert(compressed, codec)
    with pytest.raises(ValueError, match="it is a ConvTranspose2d"):
        CompressedConv2d.convert(nn.ConvTranspose2d(1, 1, 1), codec)


@pytest.mark.parametrize("options", [LAYERS["strided"], LAYERS["grouped"]], ids=["strided", "grouped"])
def test_compressed_convolution_takes_autocast(options):
    """Under bfloat16 autocast output and gradients have the plain convolution's types and nearly its numbers."""
    found = []
    for module in pair(options, ErrorBoundedCodec(0.0, relative=False)):
        x = torch.randn(2, 4, 9, 7, generator=torch.Generator().manual_seed(1), requires_grad=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = module(x)
        gradients = torch.autograd.grad(y.float().sum(), (x, module.weight))
        found.append((y, *gradients))
    assert torch.equal(found[0][0], found[1][0])
    assert [torch.bfloat16, torch.float32, torch.float32] == [tensor.dtype for tensor in found[1]]
    for expected, actual in zip(*found):
        assert torch.allclose(
            expected.float(), actual.float(), rtol=0.02, atol=0.02 * float(expected.detach().abs().max())
        )
