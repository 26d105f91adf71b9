"""The array cell by cell and cycle by cycle: values move through registers, and cycles are counted, not computed.

What proves the formulas in gradfilter/systolic/array.py: each dataflow ends with the right product, in the cycles that
its formula says. Matrices are filled up with zeros to whole tiles, as cells that a tile leaves empty are stepped
through all the same. For small matrices only: a cycle is a handful of operations on all cells.
"""

from typing import List, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gradfilter.systolic.array import Array


class Moved(NamedTuple):
    """A product, and the cycles that it took."""

    result: Tensor
    cycles: int


class MovedBoth(NamedTuple):
    """Both products of an interleaved backward pass. dy_reads: how many words of dY entered the array."""

    dx: Tensor
    dw: Tensor
    cycles: int
    dy_reads: int


def weight_stationary_moves(array: Array, stream: Tensor, held: Tensor) -> Moved:
    """Stream (T, S_r) times held (S_r, S_c): the stream moves right, sums move down and leave at the bottom."""
    steps = len(stream)
    x, w = _whole(stream, steps, array.rows), _whole(held, array.rows, array.columns)
    result, cycles = x.new_zeros(steps, w.shape[1]), 0
    for top in range(0, w.shape[0], array.rows):
        for left in range(0, w.shape[1], array.columns):
            weights = _loaded(array, w[top:, left:])
            cycles += array.rows
            moving, sums, gone, cycle = _registers(array, x), _registers(array, x), 0, 0
            while gone < steps * array.columns:
                entering = [_at(x, cycle - row, top + row) for row in range(array.rows)]
                moving = _moved_right(moving, entering)
                sums = _moved_down(sums, [0.0] * array.columns) + moving * weights
                for column in range(array.columns):
                    step = cycle - (array.rows - 1) - column
                    if 0 <= step < steps:
                        result[step, left + column] += sums[-1, column]
                        gone += 1
                cycle += 1
            cycles += cycle
    return Moved(result[:, : held.shape[1]], cycles)


def output_stationary_moves(array: Array, first: Tensor, second: Tensor) -> Moved:
    """First (rows, T) times second (T, columns): one moves right, the other down, sums stay."""
    steps = first.shape[1]
    a, b = _whole(first, array.rows, steps), _whole(second, steps, array.columns)
    result, cycles = a.new_zeros(a.shape[0], b.shape[1]), 0
    for top in range(0, a.shape[0], array.rows):
        for left in range(0, b.shape[1], array.columns):
            right, down, sums = _registers(array, a), _registers(array, a), _registers(array, a)
            terms, cycle = torch.zeros(array.rows, array.columns), 0
            while int(terms.min()) < steps:
                right = _moved_right(right, [_at(a.t(), cycle - row, top + row) for row in range(array.rows)])
                down = _moved_down(down, [_at(b, cycle - column, left + column) for column in range(array.columns)])
                sums = sums + right * down
                terms += _working(array, cycle, steps)
                cycle += 1
            result[top : top + array.rows, left : left + array.columns] = sums
            cycles += cycle
    return Moved(result[: len(first), : second.shape[1]], cycles)


def interleaved_moves(array: Array, dy: Tensor, x: Tensor, w: Tensor) -> MovedBoth:
    """DX = dY Wᵀ and dW = Xᵀ dY at once: dY (M, N), X (M, K), W (K, N), inputs along the rows of cells.

    A cell multiplies once in every cycle: dY · W into the sum that moves right, then X · dY into its own. dY moves down
    and is held for its second use; both streams have a value in every second cycle.
    """
    steps, outputs = dy.shape
    dys, xs = _whole(dy, steps, array.columns), _whole(x, steps, array.rows)
    ws = _whole(w, array.rows, array.columns)
    dx, dw, cycles, reads = torch.zeros_like(xs), torch.zeros_like(ws), 0, 0
    for top in range(0, ws.shape[0], array.rows):
        for left in range(0, ws.shape[1], array.columns):
            weights = _loaded(array, ws[top:, left:])
            cycles += array.rows
            down, right, sums, own = (_registers(array, dy) for _ in range(4))
            uses, cycle = torch.zeros(array.rows, array.columns), 0
            while int(uses.min()) < 2 * steps:
                held = down
                down = _moved_down(down, [_every_second(dys, cycle - c, left + c) for c in range(array.columns)])
                right = _moved_right(right, [_every_second(xs, cycle - 1 - r, top + r) for r in range(array.rows)])
                first_use = _is_first_use(array, cycle)
                sums = _moved_right(sums, [0.0] * array.rows) + first_use * down * weights
                own = own + (1 - first_use) * right * held
                uses += _working(array, cycle, 2 * steps)
                reads += sum(_enters(cycle - c, steps) for c in range(array.columns) if left + c < outputs)
                for row in range(array.rows):
                    slot = cycle - row - (array.columns - 1)
                    if _enters(slot, steps):
                        dx[slot // 2, top + row] += sums[row, -1]
                cycle += 1
            dw[top : top + array.rows, left : left + array.columns] = own
            cycles += cycle
    return MovedBoth(dx[:, : x.shape[1]], dw[: w.shape[0], : w.shape[1]], cycles, reads)


def _whole(matrix: Tensor, rows: int, columns: int) -> Tensor:
    """Filled up with zeros to whole tiles."""
    height, width = matrix.shape
    return F.pad(matrix, (0, -width % columns, 0, -height % rows))


def _registers(array: Array, like: Tensor) -> Tensor:
    return like.new_zeros(array.rows, array.columns)


def _loaded(array: Array, tile: Tensor) -> Tensor:
    """The cells' weights after as many cycles as there are rows, in each of which every row moves down by one."""
    weights = _registers(array, tile)
    for cycle in range(array.rows):
        weights = _moved_down(weights, tile[array.rows - 1 - cycle, : array.columns].tolist())
    return weights


def _moved_right(registers: Tensor, entering: List[float]) -> Tensor:
    column = registers.new_tensor(entering).unsqueeze(1)
    return torch.cat([column, registers[:, :-1]], 1)


def _moved_down(registers: Tensor, entering: List[float]) -> Tensor:
    return torch.cat([registers.new_tensor(entering).unsqueeze(0), registers[:-1]], 0)


def _at(matrix: Tensor, row: int, column: int) -> float:
    """A number of a matrix, 0 before its first row and after its last."""
    return float(matrix[row, column]) if 0 <= row < len(matrix) else 0.0


def _enters(slot: int, steps: int) -> bool:
    """Whether a stream with a value in every second cycle has one now."""
    return 0 <= slot < 2 * steps and slot % 2 == 0


def _every_second(matrix: Tensor, slot: int, column: int) -> float:
    return float(matrix[slot // 2, column]) if _enters(slot, len(matrix)) else 0.0


def _age(array: Array, cycle: int) -> Tensor:
    """For how many cycles the wave has been in each cell: it gets one cell farther in each."""
    rows, columns = torch.arange(array.rows), torch.arange(array.columns)
    return cycle - rows[:, None] - columns[None, :]


def _working(array: Array, cycle: int, length: int) -> Tensor:
    """1 in the cells that the wave is in, 0 elsewhere."""
    age = _age(array, cycle)
    return ((age >= 0) & (age < length)).float()


def _is_first_use(array: Array, cycle: int) -> Tensor:
    """1 in the cells whose cycle belongs to dX, 0 where it belongs to dW."""
    return (_age(array, cycle) % 2 == 0).to(torch.float64)
