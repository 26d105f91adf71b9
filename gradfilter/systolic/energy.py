"""What a cost takes in energy, by a model: so much for each multiplication, word and idle cell. Never a measurement."""

from typing import NamedTuple

from gradfilter.bench.schema import ArrayEnergy
from gradfilter.systolic.array import Array
from gradfilter.systolic.schedules import Cost, Operand

_PICO = 1e-12
_MEMORIES = 3  # for two inputs and a result


class Memory(NamedTuple):
    """On-chip memory: as much for each operand of a product.

    A schedule that holds more than three operands at once has the same chip, and shares it evenly among them.
    """

    bytes_per_operand: float
    word_bytes: int

    def dram_words(self, cost: Cost) -> int:
        """Words to and from DRAM: an operand's once where it fits into its memory, else as often as they are used."""
        return sum(operand.times * self._moved(operand) for operand in cost.operands)

    def _moved(self, operand: Operand) -> int:
        room = _MEMORIES * self.bytes_per_operand / operand.held
        fits = operand.words * self.word_bytes <= room
        return operand.words if fits else operand.reads + operand.writes


def energy_j(cost: Cost, array: Array, memory: Memory, prices: ArrayEnergy) -> float:
    """The modelled energy in joules."""
    idle = cost.cycles * array.cells - cost.macs
    words = cost.reads + cost.writes
    picojoules = (
        cost.macs * prices.mac_pj
        + words * prices.sram_pj
        + memory.dram_words(cost) * prices.dram_pj
        + idle * prices.idle_pj
    )
    return picojoules * _PICO
