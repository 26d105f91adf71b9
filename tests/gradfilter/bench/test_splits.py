"""Held-out images and the two non-iid parts."""

from collections import Counter

from gradfilter.bench.datasets.digits import make_digits
from gradfilter.bench.splits import hold_out, split_in_two, split_once

LABELS = make_digits().labels()


def everything(*splits):
    return sorted(index for split in splits for index in split.train + split.test)


def test_hold_out_keeps_a_fifth_apart():
    """
    Every image is either trained on or held out, a fifth of them held out.
    """
    split = hold_out(range(100), seed=0)
    assert list(range(100)) == everything(split)
    assert 20 == len(split.test)


def test_official_part_is_held_out():
    """
    Where a data set names its own held-out images, they are what is tested, whatever the seed.
    """
    split = split_once(images=10, held_out=3, seed=5)
    assert ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9]) == (split.train, split.test)


def test_without_an_official_part_a_fifth_is_drawn():
    """
    A data set in one piece is split by the seed.
    """
    assert hold_out(range(10), seed=5) == split_once(images=10, held_out=0, seed=5)


def test_two_parts_share_no_image():
    """
    The parts and their held-out pieces cover the data once.
    """
    assert list(range(len(LABELS))) == everything(*split_in_two(LABELS, seed=0))


def test_two_parts_differ_in_their_classes():
    """
    The split is not identically distributed: some class is almost only in one part, and some is shared.
    """
    first, second = (Counter(LABELS[index] for index in part.train) for part in split_in_two(LABELS, seed=0))
    shares = [first[label] / (first[label] + second[label]) for label in set(LABELS)]
    assert min(shares) < 0.1
    assert max(shares) > 0.9
    assert any(0.3 < share < 0.7 for share in shares)


def test_seed_decides_the_split():
    """
    The same seed deals the same parts, another seed others.
    """
    assert split_in_two(LABELS, seed=1) == split_in_two(LABELS, seed=1)
    assert split_in_two(LABELS, seed=1) != split_in_two(LABELS, seed=2)
