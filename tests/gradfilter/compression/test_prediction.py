"""Lorenzo prediction loses nothing."""

import pytest
import torch

from gradfilter.compression.prediction import numbers_of, residuals, signed, unsigned


@pytest.mark.parametrize("axes", [(3,), (3, 2), (3, 2, 1), (2, 1)], ids=str)
def test_prediction_is_undone_exactly(axes):
    """Differences along one, two or three axes add up to the numbers again."""
    numbers = torch.randint(-(1 << 20), 1 << 20, (2, 3, 5, 4), dtype=torch.int32)
    assert torch.equal(numbers, numbers_of(residuals(numbers, axes), axes))


def test_hand_case_in_a_row():
    """0, 1, 2 differ by 0, 1, 1."""
    assert [0, 1, 1] == residuals(torch.tensor([0, 1, 2], dtype=torch.int32), (0,)).tolist()


def test_two_axes_are_the_written_formula():
    """q[i,j] - q[i-1,j] - q[i,j-1] + q[i-1,j-1], numbers beyond the edge being 0."""
    numbers = torch.randint(-100, 100, (4, 5), dtype=torch.int32).tolist()

    def at(i, j):
        return numbers[i][j] if min(i, j) >= 0 else 0

    expected = [[at(i, j) - at(i - 1, j) - at(i, j - 1) + at(i - 1, j - 1) for j in range(5)] for i in range(4)]
    assert expected == residuals(torch.tensor(numbers, dtype=torch.int32), (1, 0)).tolist()


def test_small_numbers_of_either_sign_stay_small():
    """0, -1, 1, -2, 2 are numbered from 0, and back."""
    numbers = torch.tensor([0, -1, 1, -2, 2], dtype=torch.int32)
    assert [0, 1, 2, 3, 4] == unsigned(numbers).tolist()
    assert torch.equal(numbers, signed(unsigned(numbers)))
