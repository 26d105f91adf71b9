"""What products cost on an array: cycles, words moved between memory and array, by schedule. Simulated.

Words are counted as SCALE-Sim v2 counts them: what streams is read again for every fold across it, partial sums are
written once per fold of the sum.
"""

from typing import Callable, Dict, List, NamedTuple, Tuple

from gradfilter.systolic.array import (
    Array,
    interleaved_cycles,
    output_stationary_cycles,
    weight_stationary_cycles,
)
from gradfilter.systolic.products import LayerWork, Product


class Operand(NamedTuple):
    """A matrix of a product, and its words that move between on-chip memory and array, so many times over.

    held: how many operands the chip holds at the same time, itself included.
    """

    words: int
    reads: int = 0
    writes: int = 0
    held: int = 3
    times: int = 1


class Cost(NamedTuple):
    """Cycles, multiplications, and the operands of products that run one after another."""

    cycles: int = 0
    macs: int = 0
    operands: Tuple[Operand, ...] = ()

    @property
    def reads(self) -> int:
        """Words from on-chip memory to the array."""
        return sum(operand.times * operand.reads for operand in self.operands)

    @property
    def writes(self) -> int:
        """Words from the array to on-chip memory."""
        return sum(operand.times * operand.writes for operand in self.operands)

    def plus(self, other: "Cost") -> "Cost":
        """One after the other: the chip holds the operands of one of them at a time."""
        return Cost(self.cycles + other.cycles, self.macs + other.macs, self.operands + other.operands)

    def times(self, count: int) -> "Cost":
        """So many times over, one after the other."""
        repeated = tuple(operand._replace(times=count * operand.times) for operand in self.operands)
        return Cost(count * self.cycles, count * self.macs, repeated)

    def utilisation(self, array: Array) -> float:
        """The share of the array's multiplications that are used."""
        return self.macs / (self.cycles * array.cells) if self.cycles else 0.0


def output_stationary(array: Array, rows: int, columns: int, length: int) -> Cost:
    """Rows × length times length × columns, sums in the cells."""
    left, right, result = rows * length, length * columns, rows * columns
    operands = (
        Operand(left, reads=left * array.column_folds(columns)),
        Operand(right, reads=right * array.row_folds(rows)),
        Operand(result, writes=result),
    )
    return Cost(output_stationary_cycles(array, rows, columns, length), rows * columns * length, operands)


def weight_stationary(array: Array, reduction: int, columns: int, stream: int) -> Cost:
    """Stream × reduction times reduction × columns, the second in the cells."""
    streaming, held, result = stream * reduction, reduction * columns, stream * columns
    operands = (
        Operand(streaming, reads=streaming * array.column_folds(columns)),
        Operand(held, reads=held),
        Operand(result, writes=result * array.row_folds(reduction)),
    )
    return Cost(weight_stationary_cycles(array, reduction, columns, stream), reduction * columns * stream, operands)


def interleaved(array: Array, m: int, k: int, n: int) -> Cost:
    """Both backward products on one tile: dY, X and W enter, dX and dW leave; every dY is read once for the two."""
    dy, x, w = m * n, m * k, k * n
    folds_of_n = array.column_folds(n)
    operands = (
        Operand(dy, reads=dy * array.row_folds(k)),
        Operand(x, reads=x * folds_of_n),
        Operand(w, reads=w),
        Operand(x, writes=x * folds_of_n),
        Operand(w, writes=w),
    )
    together = tuple(operand._replace(held=len(operands)) for operand in operands)
    return Cost(interleaved_cycles(array, m, k, n), 2 * m * k * n, together)


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
