"""The low-rank codec: exact at full rank, as near as a decomposition once warm, and the bytes that are held."""

import numpy as np
import pytest
import torch

from gradfilter.compression.subspace import SubspaceCodec

SHAPE = (4, 6, 8, 5)


def drawn(shape=SHAPE, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def of_rank(ranks, shape=SHAPE):
    """A map that lies in so many directions of each axis."""
    x = drawn(tuple(ranks))
    for axis, (rank, size) in enumerate(zip(ranks, shape)):
        x = torch.tensordot(drawn((size, rank), seed=axis + 1), x, dims=([1], [axis])).movedim(0, axis)
    return x


def decomposed(x, ranks):
    """A slow reference: the sequentially truncated higher-order SVD, by numpy."""
    core, bases = x.numpy(), []
    for axis, rank in enumerate(ranks):
        unfolded = np.moveaxis(core, axis, 0).reshape(core.shape[axis], -1)
        left, _, _ = np.linalg.svd(unfolded, full_matrices=False)
        bases.append(left[:, :rank])
        core = np.moveaxis(np.tensordot(bases[-1].T, core, (1, axis)), 0, axis)
    for axis, basis in enumerate(bases):
        core = np.moveaxis(np.tensordot(basis, core, (1, axis)), 0, axis)
    return torch.from_numpy(np.ascontiguousarray(core))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "last"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_full_rank_gives_the_map_back(dtype, memory_format):
    """With every direction kept the map is there to rounding, in its type and layout."""
    x = drawn(dtype=dtype).contiguous(memory_format=memory_format)
    codec = SubspaceCodec(1.0)
    restored = codec.unpack(codec.pack(x))
    assert (x.dtype, x.stride()) == (restored.dtype, restored.stride())
    assert torch.allclose(x, restored, atol=1e-5 if dtype == torch.float32 else 1e-12)


def test_map_of_few_directions_is_exact_at_once():
    """What lies in the kept number of directions is found by the first step already."""
    x = of_rank((2, 3, 4, 3))
    codec = SubspaceCodec(0.5)
    assert [2, 3, 4, 3] == codec.ranks(x.shape)
    assert torch.allclose(x, codec.unpack(codec.pack(x)), atol=1e-9 * float(x.abs().max()))


def test_warm_directions_become_the_decompositions():
    """On the same map again and again the error falls to that of a higher-order SVD, the slow reference."""
    x = of_rank((2, 3, 4, 3)) + 0.3 * drawn(seed=9)
    codec = SubspaceCodec(0.5)
    errors = [float((codec.unpack(codec.pack(x)) - x).norm()) for _ in range(60)]
    best = float((decomposed(x, codec.ranks(x.shape)) - x).norm())
    assert errors[0] > errors[-1]
    assert best == pytest.approx(errors[-1], rel=1e-3)


def test_bytes_are_core_and_bases():
    """Nothing but the core and one basis per axis is held: here a sixteenth and four small matrices."""
    packed = SubspaceCodec(0.5).pack(drawn())
    core = 2 * 3 * 4 * 3
    bases = 4 * 2 + 6 * 3 + 8 * 4 + 5 * 3
    assert core + bases == sum(tensor.numel() for tensor in packed.tensors)


def test_another_batch_size_starts_anew():
    """Directions of another size are no start; the codec goes on all the same, and with the same numbers each time."""
    codecs = [SubspaceCodec(0.5), SubspaceCodec(0.5)]
    for codec in codecs:
        codec.pack(drawn())
    first, second = (codec.unpack(codec.pack(drawn((3, 6, 8, 5)))) for codec in codecs)
    assert torch.equal(first, second)


def test_map_without_directions_is_kept_itself():
    """NaN, infinity and nothing at all."""
    for x in (torch.full(SHAPE, float("nan")), torch.full(SHAPE, float("inf")), torch.zeros(0, 6, 8, 5)):
        packed = SubspaceCodec(0.5).pack(x)
        assert x is packed.tensors[0]


def test_short_numbers_whose_sum_is_out_of_their_range_are_compressed():
    """A float16 map of 960 numbers near 100 sums to more than float16 can say, and has directions all the same."""
    x = (100 + drawn()).half()
    codec = SubspaceCodec(0.5)
    packed = codec.pack(x)
    assert packed.facts is not None
    restored = codec.unpack(packed)
    assert torch.float16 == restored.dtype
    assert torch.allclose(x.float(), restored.float(), rtol=0.1)
