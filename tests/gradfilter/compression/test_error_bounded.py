"""The error-bounded codec: no number moves by more than the bound, zeros stay, and the bytes are those held."""

import math

import pytest
import torch

from gradfilter.compression.backends import BACKENDS
from gradfilter.compression.error_bounded import PREDICTORS, ErrorBoundedCodec

ANY_CODEC = pytest.mark.parametrize(
    ("predictor", "backend"), [(predictor, backend) for predictor in PREDICTORS for backend in BACKENDS]
)


def maps(kind, dtype=torch.float32, memory_format=torch.contiguous_format):
    x = torch.randn(3, 5, 9, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    made = {
        "random": lambda: x,
        "sparse": x.relu,
        "denormal": lambda: x * 1e-40,
        "huge": lambda: x * 1e30,
        "negative": lambda: -x.abs() - 3,
        "one large": lambda: torch.where(x == x.max(), 1e4 * x, x),
    }
    return made[kind]().to(dtype).contiguous(memory_format=memory_format)


def held_bytes(packed):
    return sum(tensor.numel() * tensor.element_size() for tensor in packed.tensors)


@ANY_CODEC
@pytest.mark.parametrize("bound", [1e-4, 1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("kind", ["random", "sparse", "denormal", "huge", "negative", "one large"])
def test_no_number_moves_by_more_than_the_bound(kind, bound, predictor, backend):
    """Every element, without any tolerance; compared in float64. Zeros stay zeros."""
    x = maps(kind)
    codec = ErrorBoundedCodec(bound, relative=False, predictor=predictor, backend=backend)
    restored = codec.unpack(codec.pack(x))
    assert (x.double() - restored.double()).abs().max() <= bound
    assert torch.equal(torch.zeros_like(x[x == 0]), restored[x == 0])


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@ANY_CODEC
def test_shape_type_and_layout_come_back(predictor, backend, dtype, memory_format):
    """What is unpacked can stand for the input in any operator, and is within the bound in its own type."""
    x = maps("random", dtype, memory_format)
    codec = ErrorBoundedCodec(0.05, relative=False, predictor=predictor, backend=backend)
    restored = codec.unpack(codec.pack(x))
    assert (1, 0) == (codec.packed, codec.whole)
    assert (x.shape, x.dtype, x.stride()) == (restored.shape, restored.dtype, restored.stride())
    assert (x.double() - restored.double()).abs().max() <= 0.05


@pytest.mark.parametrize("largest", [1e-2, 1.0, 6e4])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_every_short_number_stays_within_half_a_percent(dtype, largest):
    """Each of the type's numbers up to the largest, none left out: packed, and within half a percent of the range."""
    numbers = torch.arange(-(1 << 15), 1 << 15).to(torch.int16).view(dtype).double()
    x = numbers[numbers.abs() <= largest].to(dtype).view(1, 1, 1, -1)
    codec = ErrorBoundedCodec(0.005, relative=True)
    restored = codec.unpack(codec.pack(x)).double()
    assert (1, 0) == (codec.packed, codec.whole)
    assert (x.double() - restored).abs().max() <= 0.005 * (float(x.max()) - float(x.min()))


def test_number_that_its_grid_would_make_infinite_keeps_the_input():
    """A float16 near the largest that there is could be rounded up to an infinity."""
    x = torch.tensor([0.0, 65504.0, 1.0], dtype=torch.float16).view(1, 1, 1, 3)
    codec = ErrorBoundedCodec(100.0, relative=False)
    assert torch.equal(x, codec.unpack(codec.pack(x)))
    assert 1 == codec.whole


@ANY_CODEC
def test_codec_agrees_with_a_slow_reference(predictor, backend):
    """Number by number in Python: the nearest multiple of twice the bound, whatever is done to store it."""
    x = maps("sparse", torch.float64)
    codec = ErrorBoundedCodec(0.25, relative=False, predictor=predictor, backend=backend)
    expected = [0.5 * round(value / 0.5) for value in x.flatten().tolist()]
    restored = codec.unpack(codec.pack(x)).flatten()
    assert torch.allclose(torch.tensor(expected, dtype=torch.float64), restored, rtol=1e-12)


def test_hand_case():
    """0, 0.9 and 2.1 with a bound of 0.5 become 0, 1 and 2."""
    x = torch.tensor([0, 0.9, 2.1]).view(1, 1, 1, 3)
    codec = ErrorBoundedCodec(0.5, relative=False, predictor="lorenzo1d")
    assert torch.allclose(torch.tensor([0.0, 1, 2]), codec.unpack(codec.pack(x)).flatten(), rtol=1e-5)


def test_relative_bound_is_a_share_of_the_range():
    """A hundredth of largest minus smallest."""
    x = maps("negative")
    codec = ErrorBoundedCodec(0.01, relative=True)
    bound = 0.01 * float(x.max() - x.min())
    error = (x - codec.unpack(codec.pack(x))).abs().max()
    assert 0.5 * bound < error <= bound


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_input_with_no_finite_number_is_kept_as_it_is(value):
    """An infinity or NaN has no place on a grid: such an input is kept itself."""
    x = maps("random")
    x[0, 0, 0, 0] = value
    for relative in (True, False):
        packed = ErrorBoundedCodec(0.1, relative=relative).pack(x)
        assert [x.data_ptr()] == [tensor.data_ptr() for tensor in packed.tensors]


@pytest.mark.parametrize("bound", [0.0, 1e-30, 1e-8])
def test_bound_within_the_numbers_own_rounding_keeps_the_input(bound):
    """What a float32 cannot say cannot be bounded: nothing is lost, and nothing saved."""
    x = maps("random")
    codec = ErrorBoundedCodec(bound, relative=False)
    assert torch.equal(x, codec.unpack(codec.pack(x)))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_constant_map_is_one_number(memory_format):
    """A map that is the same everywhere is held as one number, exactly."""
    x = torch.full((4, 8, 6, 6), 0.3).contiguous(memory_format=memory_format)
    codec = ErrorBoundedCodec(0.01, relative=True)
    packed = codec.pack(x)
    assert 4 == held_bytes(packed)
    assert torch.equal(x, codec.unpack(packed))
    assert x.stride() == codec.unpack(packed).stride()


def test_empty_map_comes_back():
    """A batch of no images is no error."""
    x = torch.zeros(0, 3, 4, 4)
    codec = ErrorBoundedCodec(0.01, relative=True)
    assert torch.equal(x, codec.unpack(codec.pack(x)))


@ANY_CODEC
def test_a_wider_bound_and_more_zeros_take_fewer_bytes(predictor, backend):
    """Bytes held fall with the bound, and for sparser maps; whole bytes only in steps of a byte."""
    x = torch.randn(2, 16, 32, 32, generator=torch.Generator().manual_seed(0))
    sparse = x * (torch.arange(16) < 4).view(1, 16, 1, 1)

    def size(of, bound):
        return held_bytes(ErrorBoundedCodec(bound, relative=False, predictor=predictor, backend=backend).pack(of))

    sizes = [size(x, bound) for bound in (1e-4, 1e-3, 1e-1)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]
    assert size(sparse, 1e-2) <= size(x, 1e-2)
    assert backend == "bytes" or 1.5 * size(sparse, 1e-2) < size(x, 1e-2)


def test_whole_bytes_of_a_percent_are_a_quarter():
    """A bound of one percent of the range is 51 steps: one byte for each float32."""
    x = maps("random")
    assert x.numel() == held_bytes(ErrorBoundedCodec(0.01, relative=True, backend="bytes").pack(x))


def test_nothing_packed_shares_memory_with_the_input():
    """A later change in place, as by a ReLU, does not reach what is held."""
    x = maps("random")
    codec = ErrorBoundedCodec(0.01, relative=True)
    packed, before = codec.pack(x), x.clone()
    x.zero_()
    assert (before - codec.unpack(packed)).abs().max() > 0
    assert torch.allclose(before, codec.unpack(packed), atol=0.01 * float(before.max() - before.min()))
