"""A board whose folders are the test's own."""

import pytest

from gradfilter.bench.board import Board


@pytest.fixture(name="board")
def fixture_board(tmp_path):
    board = Board(tmp_path / "cache", tmp_path / "datasets", tmp_path / "weights")
    board.datasets_dir.mkdir()
    return board
