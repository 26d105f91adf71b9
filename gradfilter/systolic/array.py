"""An array of multipliers, and the cycles that a matrix product takes on it, by formula.

R rows by C columns, one multiplication and addition per cell and cycle, memory that is always in time. A product larger
than the array runs in folds, one tile after another. The formulas of single dataflows are those of SCALE-Sim v2.
"""

from typing import NamedTuple


class Array(NamedTuple):
    """R × C cells. overlap_drain: weight gradients leave while the next tile's weights enter."""

    rows: int
    columns: int
    overlap_drain: bool = True

    @property
    def cells(self) -> int:
        """How many multipliers there are."""
        return self.rows * self.columns

    def folds(self, rows: int, columns: int) -> int:
        """Tiles that a matrix of so many rows and columns needs."""
        return self.row_folds(rows) * self.column_folds(columns)

    def row_folds(self, count: int) -> int:
        """Tiles along the rows."""
        return _ceil(count, self.rows)

    def column_folds(self, count: int) -> int:
        """Tiles along the columns."""
        return _ceil(count, self.columns)


def output_stationary_cycles(array: Array, rows: int, columns: int, length: int) -> int:
    """A product of rows × columns sums, which stay in the cells, each of so many terms."""
    return array.folds(rows, columns) * (array.rows + array.columns + length - 2)


def weight_stationary_cycles(array: Array, reduction: int, columns: int, stream: int) -> int:
    """A matrix reduction × columns stays in the cells, loaded row by row; so many rows stream past it."""
    return array.folds(reduction, columns) * (2 * array.rows + array.columns + stream - 2)


def interleaved_cycles(array: Array, batch: int, inputs: int, outputs: int) -> int:
    """Both products of a backward pass on one tile: a cell holds W[k, n] and adds up dW[k, n].

    Each dY[m, n] is used in two cycles, for dX and for dW. inputs lie along the rows, outputs along the columns. The
    last tile's drain is nobody's to overlap and left out, as the single dataflows leave theirs out.
    """
    fill = array.rows + array.columns - 2
    drain = 0 if array.overlap_drain else array.rows
    return array.folds(inputs, outputs) * (array.rows + 2 * batch + fill + drain)


def _ceil(count: int, size: int) -> int:
    return -(-count // size)
