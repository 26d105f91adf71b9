"""Patches made of whole patches: when that is so, and what coarsening and refining then give."""

import pytest
import torch

from gradfilter.filtering.chains.nesting import nesting, whole_map
from gradfilter.filtering.patches import PatchAxis, PatchGrid

FINE = PatchGrid(PatchAxis(14, 2, 7), PatchAxis(13, 2, 7))
COARSE = PatchGrid(PatchAxis(14, 4, 4), PatchAxis(13, 4, 4))


@pytest.mark.parametrize("coarse", [FINE, COARSE, whole_map((14, 13))], ids=["the same", "twice as large", "one patch"])
def test_averages_of_averages(coarse):
    """Averages over coarse patches come from those over fine ones, border patches included."""
    maps = torch.randn(2, 3, 14, 13).double()
    nested = nesting(FINE, coarse)
    assert torch.allclose(coarse.averages(maps), nested.coarsen(FINE.averages(maps)), atol=1e-12)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels_last"])
def test_refined_values_are_the_coarse_ones_everywhere(layout):
    """Every fine patch has the value of the coarse patch it lies in, in the layout asked for."""
    values = torch.randn(2, 3, 4, 4).double()
    refined = nesting(FINE, COARSE).refine(values, layout)
    assert refined.is_contiguous(memory_format=layout)
    spread = COARSE.spread(values, torch.contiguous_format)
    assert torch.equal(spread, FINE.spread(refined, torch.contiguous_format))


@pytest.mark.parametrize(
    "coarse",
    [
        PatchGrid(PatchAxis(14, 3, 5), PatchAxis(13, 4, 4)),
        PatchGrid(PatchAxis(14, 1, 14), PatchAxis(13, 1, 13)),
        PatchGrid(PatchAxis(14, 4, 4, 1), PatchAxis(13, 4, 4)),
        PatchGrid(PatchAxis(15, 4, 4), PatchAxis(13, 4, 4)),
    ],
    ids=["cut through", "finer", "shifted by a pixel", "of another map"],
)
def test_patches_that_do_not_nest(coarse):
    """Patches that cut through others cannot be made of them."""
    assert nesting(FINE, coarse) is None
