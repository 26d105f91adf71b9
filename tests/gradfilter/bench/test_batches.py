"""Batches, in order and ahead."""

import pytest
import torch

from gradfilter.bench.batches import Batches, evaluation_batches
from gradfilter.bench.datasets.dataset import Dataset
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.placement import Placement
from gradfilter.bench.schema import TrainingWorkload

PLACEMENT = Placement(TrainingWorkload(kind="training", model="tiny_cnn", threads=1))


class Numbered(Dataset):
    """Each image holds its own number, and the data set counts what it was asked for."""

    def __init__(self):
        super().__init__(classes=2, images=10)
        self.decoded = 0

    def load(self, indices, image_size):
        self.decoded += len(indices)
        numbers = torch.tensor(indices, dtype=torch.float32)
        return numbers.view(-1, 1, 1, 1).expand(-1, 3, image_size, image_size).contiguous(), numbers.long()


def make_batches(data, batch_size=2, image_size=1, seed=0):
    return Batches(data, list(range(10)), batch_size=batch_size, image_size=image_size, seed=seed, placement=PLACEMENT)


def numbers(batch):
    return batch[1].tolist()


def test_epoch_sees_every_image_once_in_another_order():
    """
    Five batches of two are an epoch of ten; the next is shuffled anew, and the seed decides both.
    """
    batches = make_batches(Numbered())
    first, second = ([number for _ in range(5) for number in numbers(batches.take())] for _ in range(2))
    assert list(range(10)) == sorted(first) == sorted(second)
    assert first != second
    again = make_batches(Numbered())
    assert first == [number for _ in range(5) for number in numbers(again.take())]


def test_decoding_ahead_leaves_the_order():
    """
    Batches come in the same order, decoded ahead or not, and none is decoded twice.
    """
    data, plain = Numbered(), make_batches(Numbered())
    batches = make_batches(data)
    assert 3 == batches.decode_ahead(3)
    assert 6 == data.decoded
    assert [numbers(plain.take()) for _ in range(5)] == [numbers(batches.take()) for _ in range(5)]
    assert 10 == data.decoded


@pytest.mark.parametrize("ahead", [0, 2])
def test_skipped_batch_is_passed_over(ahead):
    """
    A batch that is skipped is gone, whether it was decoded or not.
    """
    plain, batches = make_batches(Numbered()), make_batches(Numbered())
    order = [numbers(plain.take()) for _ in range(3)]
    batches.decode_ahead(ahead)
    taken = [numbers(batches.take())]
    batches.skip()
    assert [order[0], order[2]] == [*taken, numbers(batches.take())]


def test_budget_bounds_what_waits():
    """
    An image of 3×512×512 floats is 3 MiB: two to a batch, five batches fit into 32 MiB, and it is told.
    """
    batches = make_batches(Numbered(), image_size=512)
    assert 5 == batches.decode_ahead(100)
    assert 5 * (2 * 3 * 512 * 512 * 4 + 2 * 8) == batches.most_bytes_ahead


def test_four_batches_wait_however_large():
    """
    A batch of 12 MiB leaves room for two; four are decoded all the same, and no more than are needed.
    """
    assert 4 == make_batches(Numbered(), image_size=724).decode_ahead(100)
    assert 2 == make_batches(Numbered(), image_size=724).decode_ahead(2)


def test_more_than_there_is_cannot_be_a_batch():
    """
    A batch as large as the data is the largest.
    """
    with pytest.raises(RefusedWorkload, match=r"at most 10, .* got 11") as refusal:
        make_batches(Numbered(), batch_size=11)
    assert "batch_size" == refusal.value.field


def test_evaluation_sees_every_image_once():
    """
    In order, with a smaller last batch.
    """
    batches = evaluation_batches(Numbered(), [4, 5, 6], batch_size=2, image_size=1, placement=PLACEMENT)
    assert [[4, 5], [6]] == [numbers(batch) for batch in batches]
