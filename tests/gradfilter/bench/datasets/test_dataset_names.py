"""Which data sets a board has."""

import pytest

from gradfilter.bench.datasets import load_dataset
from gradfilter.bench.errors import RefusedWorkload


def test_unknown_dataset_is_refused(board):
    """
    A name that no source knows is refused with what there is.
    """
    with pytest.raises(RefusedWorkload, match="'photos' is unknown; this worker offers digits, synthetic") as refusal:
        load_dataset("photos", board)
    assert "dataset" == refusal.value.field
