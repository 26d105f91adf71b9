"""What products cost on an array: cycles, words moved between memory and array, by schedule. Simulated.

Words are counted as SCALE-Sim v2 counts them: what streams is read again for every fold across it, partial sums are
written once per fold of the sum.
"""

from typing import Callable, Dict, List, NamedTuple

from gradfilter.systolic.array import (
    Array,
    interleaved_cycles,
    output_stationary_cycles,
    weight_stationary_cycles,
)
from gradfilter.systolic.products import LayerWork, Product


class Cost(NamedTuple):
    """Cycles, multiplications, words read and written, and words there are (each operand and result once).

    resident: the words that must be on the chip at the same time for each to come from DRAM but once.
    """

    cycles: int = 0
    macs: int = 0
    reads: int = 0
    writes: int = 0
    words: int = 0
    resident: int = 0

    def plus(self, other: "Cost") -> "Cost":
        """One after the other: everything adds up, but the chip holds one of them at a time."""
        total = Cost(*[one + two for one, two in zip(self, other)])
        return total._replace(resident=max(self.resident, other.resident))

    def times(self, count: int) -> "Cost":
        """So many times over, one after the other."""
        return Cost(*[count * number for number in self])._replace(resident=self.resident)

    def utilisation(self, array: Array) -> float:
        """The share of the array's multiplications that are used."""
        return self.macs / (self.cycles * array.cells) if self.cycles else 0.0


def output_stationary(array: Array, rows: int, columns: int, length: int) -> Cost:
    """Rows × length times length × columns, sums in the cells."""
    words = rows * length + length * columns + rows * columns
    return Cost(
        cycles=output_stationary_cycles(array, rows, columns, length),
        macs=rows * columns * length,
        reads=rows * length * array.column_folds(columns) + columns * length * array.row_folds(rows),
        writes=rows * columns,
        words=words,
        resident=words,
    )


def weight_stationary(array: Array, reduction: int, columns: int, stream: int) -> Cost:
    """Stream × reduction times reduction × columns, the second in the cells."""
    words = stream * reduction + reduction * columns + stream * columns
    return Cost(
        cycles=weight_stationary_cycles(array, reduction, columns, stream),
        macs=reduction * columns * stream,
        reads=stream * reduction * array.column_folds(columns) + reduction * columns,
        writes=stream * columns * array.row_folds(reduction),
        words=words,
        resident=words,
    )


def interleaved(array: Array, m: int, k: int, n: int) -> Cost:
    """Both backward products on one tile; every dY is read once for the two."""
    words = 2 * (m * k + k * n) + m * n
    return Cost(
        cycles=interleaved_cycles(array, m, k, n),
        macs=2 * m * k * n,
        reads=k * n + m * n * array.row_folds(k) + m * k * array.column_folds(n),
        writes=m * k * array.column_folds(n) + k * n,
        words=words,
        resident=words,
    )


def _cheapest(costs: List[Cost]) -> Cost:
    return min(costs, key=lambda cost: cost.cycles)


def _input_gradient_ws(array: Array, p: Product) -> Cost:
    return weight_stationary(array, p.n, p.k, p.m)


def _input_gradient_os(array: Array, p: Product) -> Cost:
    return output_stationary(array, p.m, p.k, p.n)


def _weight_gradient_ws(array: Array, p: Product) -> Cost:
    """Whichever of the two operands is better held."""
    return _cheapest([weight_stationary(array, p.m, p.n, p.k), weight_stationary(array, p.m, p.k, p.n)])


def _weight_gradient_os(array: Array, p: Product) -> Cost:
    return output_stationary(array, p.k, p.n, p.m)


class _Pair(NamedTuple):
    """How a schedule computes dX and dW where both are wanted, and each where it is wanted alone."""

    both: Callable[[Array, Product], Cost]
    input_alone: Callable[[Array, Product], Cost]
    weight_alone: Callable[[Array, Product], Cost]


def _one_after_the_other(
    of_input: Callable[[Array, Product], Cost], of_weight: Callable[[Array, Product], Cost]
) -> _Pair:
    return _Pair(lambda array, p: of_input(array, p).plus(of_weight(array, p)), of_input, of_weight)


_PAIRS: Dict[str, _Pair] = {
    "ws+os": _one_after_the_other(_input_gradient_ws, _weight_gradient_os),
    "ws+ws": _one_after_the_other(_input_gradient_ws, _weight_gradient_ws),
    "os+os": _one_after_the_other(_input_gradient_os, _weight_gradient_os),
    # A product without its partner has nothing to interleave with.
    "intergrad": _Pair(lambda array, p: interleaved(array, p.m, p.k, p.n), _input_gradient_ws, _weight_gradient_os),
}
BEST = "best_of"
SCHEDULES = (*_PAIRS, BEST)
DATAFLOWS = ("ws", "os")


def backward_cost(array: Array, work: LayerWork, schedule: str) -> Cost:
    """A layer's backward pass under one of SCHEDULES; best_of has the fewest cycles of all, layer by layer."""
    if schedule == BEST:
        return _cheapest([backward_cost(array, work, name) for name in _PAIRS])
    pair, p = _PAIRS[schedule], work.backward
    if work.wants_input and work.wants_weight:
        return pair.both(array, p).times(p.groups)
    if work.wants_input:
        return pair.input_alone(array, p).times(p.groups)
    return pair.weight_alone(array, p).times(p.groups) if work.wants_weight else Cost()


def forward_cost(array: Array, work: LayerWork, dataflow: str) -> Cost:
    """A layer's forward pass under one of DATAFLOWS."""
    p = work.forward
    if dataflow == "ws":
        return weight_stationary(array, p.k, p.n, p.m).times(p.groups)
    return output_stationary(array, p.m, p.n, p.k).times(p.groups)
