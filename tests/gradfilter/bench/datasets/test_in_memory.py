"""The data sets that travel with the worker: where they come from and what a network is given of them."""

import numpy as np
import pytest
import torch

from gradfilter.bench.datasets import digits
from gradfilter.bench.datasets.digits import make_digits
from gradfilter.bench.datasets.in_memory import enlarge
from gradfilter.bench.datasets.synthetic import make_synthetic


def test_digits_are_scikit_learns():
    """
    The shipped file holds exactly what scikit-learn bundles.
    """
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    theirs = sklearn_datasets.load_digits()
    with np.load(str(digits.FILE), allow_pickle=False) as shipped:
        assert np.array_equal(theirs.images, shipped["images"])
        assert np.array_equal(theirs.target, shipped["labels"])


@pytest.mark.parametrize(("make", "count"), [(make_digits, 1797), (make_synthetic, 1000)])
def test_dataset_is_standardised(make, count):
    """
    Images have mean 0 and standard deviation 1 over the set; every one of ten classes is there.
    """
    data = make()
    images, labels = data.load(range(count), 8)
    assert (count, 3, 8, 8) == tuple(images.shape)
    assert torch.allclose(images.mean(), torch.tensor(0.0), atol=1e-5)
    assert torch.allclose(images.std(), torch.tensor(1.0), atol=1e-5)
    assert list(range(data.classes)) == sorted(set(data.labels()))
    assert data.labels() == labels.tolist()


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
