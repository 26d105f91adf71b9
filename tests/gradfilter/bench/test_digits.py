"""The data sets: where they come from and what a network is given of them."""

import numpy as np
import pytest
import torch

from gradfilter.bench import datasets
from gradfilter.bench.datasets import enlarge, load_dataset
from gradfilter.bench.errors import RefusedWorkload


def test_digits_are_scikit_learns():
    """
    The shipped file holds exactly what scikit-learn bundles.
    """
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    digits = sklearn_datasets.load_digits()
    with np.load(str(datasets._DIGITS), allow_pickle=False) as shipped:
        assert np.array_equal(digits.images, shipped["images"])
        assert np.array_equal(digits.target, shipped["labels"])


@pytest.mark.parametrize(("name", "channels", "count"), [("digits", 1, 1797), ("synthetic", 3, 1000)])
def test_dataset_is_standardised(name, channels, count):
    """
    Images have mean 0 and standard deviation 1 over the set; every one of ten classes is there.
    """
    data = load_dataset(name)
    assert (count, channels, 8, 8) == tuple(data.images.shape)
    assert torch.allclose(data.images.mean(), torch.tensor(0.0), atol=1e-5)
    assert torch.allclose(data.images.std(), torch.tensor(1.0), atol=1e-5)
    assert list(range(data.classes)) == sorted(set(data.labels.tolist()))


def test_unknown_dataset_is_refused():
    """
    A name that is not in the table is refused with what there is.
    """
    with pytest.raises(RefusedWorkload, match="'photos' is unknown; this worker offers digits, synthetic") as refusal:
        load_dataset("photos")
    assert "dataset" == refusal.value.field


def test_enlarged_grey_image_has_three_equal_channels():
    """
    Grey is repeated, so that published networks keep their three input channels.
    """
    images = enlarge(torch.rand(2, 1, 8, 8), 20)
    assert (2, 3, 20, 20) == tuple(images.shape)
    assert torch.equal(images[:, 0], images[:, 2])


def test_enlarging_to_the_own_size_changes_nothing():
    """
    Bilinear scaling at 1:1 returns the pixels.
    """
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(images, enlarge(images, 8))
