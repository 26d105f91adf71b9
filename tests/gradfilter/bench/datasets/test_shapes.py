"""The drawn scenes."""

import zlib
from collections import Counter

import numpy as np
import pytest
import torch

from gradfilter.bench.datasets.dataset import IGNORED, dominant_class
from gradfilter.bench.datasets.shapes import SHAPES, Shapes, draw_scene


def test_scenes_are_the_same_everywhere():
    """
    Every pixel and mask is fixed: the checksum was taken on two versions of Python and numpy, six years apart.
    """
    checksum = 0
    for index in range(0, 600, 7):
        for array in draw_scene(index, 33):
            checksum = zlib.crc32(array.tobytes(), checksum)
    assert 3862492628 == checksum


def test_scene_depends_on_its_number_alone():
    """
    A scene drawn after another, in another batch, is the same scene.
    """
    data = Shapes()
    images, masks = data.load([3, 5], 24)
    again, same_masks = data.load([5], 24)
    assert torch.equal(images[1:], again)
    assert torch.equal(masks[1:], same_masks)
    assert not torch.equal(images[0], images[1])


@pytest.mark.parametrize("size", [1, 16, 57])
def test_scene_has_any_size(size):
    """
    Images are three float channels, masks whole numbers below the number of classes.
    """
    data = Shapes()
    images, masks = data.load(range(4), size)
    assert ((4, 3, size, size), torch.float32) == (tuple(images.shape), images.dtype)
    assert ((4, size, size), torch.int64) == (tuple(masks.shape), masks.dtype)
    assert 6 == data.classes
    assert 0 <= int(masks.min()) <= int(masks.max()) < data.classes


def test_mask_is_the_same_shape_at_another_size():
    """
    Drawn at twice the size, a class covers the same share of the scene but for its border.
    """
    for index in range(10):
        small, large = (draw_scene(index, size)[1] for size in (64, 128))
        shares = [np.bincount(mask.ravel(), minlength=6) / mask.size for mask in (small, large)]
        assert np.allclose(shares[0], shares[1], atol=0.02)


def test_every_class_is_there():
    """
    Each of the five shapes dominates a tenth of the scenes or more, and the ground none.
    """
    counts = Counter(Shapes().labels())
    assert set(range(1, 1 + len(SHAPES))) == set(counts)
    assert min(counts.values()) >= 60


def test_dominant_class_passes_over_ground_and_ignored_pixels():
    """
    The most frequent class counts, unless it is the ground or no class at all.
    """
    assert 3 == dominant_class(np.array([[0, 0, 0, 2], [3, 3, IGNORED, IGNORED], [0, 0, IGNORED, IGNORED]]))
    assert 0 == dominant_class(np.array([[0, IGNORED]]))
