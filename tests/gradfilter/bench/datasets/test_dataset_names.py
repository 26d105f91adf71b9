"""Which data sets a board has."""

import os

import pytest

from gradfilter.bench.board import Board
from gradfilter.bench.datasets import absent_datasets, dataset_names, load_dataset
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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter every folder")
def test_folder_that_may_not_be_entered_is_passed_over(board):
    """
    A board's description does not fail over a folder that its worker may not read.
    """
    for name in ("photos", "cifar-10-batches-bin"):
        (board.datasets_dir / name).mkdir(mode=0)
    assert ["digits", "synthetic", "shapes"] == dataset_names(board)
    assert "cifar10" in absent_datasets(board)


def test_board_without_a_folder_of_data_sets_has_what_travels(tmp_path):
    """
    The folder need not exist.
    """
    board = Board(tmp_path / "cache", tmp_path / "nowhere", tmp_path / "weights")
    assert ["digits", "synthetic", "shapes"] == dataset_names(board)
    assert ["cifar10", "cifar100", "folder:NAME", "voc:NAME"] == list(absent_datasets(board))
