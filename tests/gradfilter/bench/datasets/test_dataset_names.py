"""Which data sets a board has."""

import pytest

from gradfilter.bench.datasets import dataset_names, load_dataset
from gradfilter.bench.errors import RefusedWorkload


def test_unknown_dataset_is_refused(board):
    """
    A name that no source knows is refused with what there is.
    """
    with pytest.raises(
        RefusedWorkload, match="'photos' is unknown; this worker offers digits, synthetic, shapes"
    ) as refusal:
        load_dataset("photos", board)
    assert "dataset" == refusal.value.field


def test_names_can_be_asked_for_by_task(board):
    """
    Data sets with masks are told from those with labels.
    """
    assert ["shapes"] == dataset_names(board, "segmentation")
    assert ["digits", "synthetic"] == dataset_names(board, "classification")
