"""What a cost takes in energy, by a model: so much for each multiplication, word and idle cell. Never a measurement."""

from typing import NamedTuple

from gradfilter.bench.schema import ArrayEnergy
from gradfilter.systolic.array import Array
from gradfilter.systolic.schedules import Cost

_PICO = 1e-12
_OPERANDS = 3  # two inputs and a result, each with on-chip memory of its own


class Memory(NamedTuple):
    """On-chip memory for each operand."""

    bytes_per_operand: float
    word_bytes: int

    def dram_words(self, cost: Cost) -> int:
        """Words to and from DRAM: each once where a product fits on the chip, else as often as it is used."""
        fits = cost.resident * self.word_bytes <= _OPERANDS * self.bytes_per_operand
        return cost.words if fits else cost.reads + cost.writes


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
