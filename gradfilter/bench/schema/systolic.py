"""What is simulated when a network runs on a systolic array: the systolic workload, and what it yields."""

from dataclasses import dataclass, field
from typing import List, Union

try:
    from typing import Literal
except ImportError:  # Python < 3.8: torch 1.10 brings typing_extensions along
    from typing_extensions import Literal

from gradfilter.bench.schema.checks import (
    REFUSE_UNKNOWN_KEYS,
    check_choice,
    check_length,
    check_positive,
    check_range,
    check_trainable,
    check_word,
)
from gradfilter.bench.schema.import_path import read_import_path

# Passes and how they are scheduled, as parts of a run: single dataflows forward; backward two products one after the
# other in either dataflow, interleaved on one tile, and the best of these layer by layer.
SYSTOLIC_PARTS = (
    "forward ws",
    "forward os",
    "backward ws+os",
    "backward ws+ws",
    "backward os+os",
    "backward intergrad",
    "backward best_of",
)


@dataclass
class ArrayEnergy:
    """What the model of energy counts, in picojoules: a multiplication with addition, a word of on-chip memory, a word
    of DRAM, and an idle cell's cycle. source: where the numbers are from.

    The defaults are round orders of magnitude that nobody measured: give your own array's.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    mac_pj: float = 1.0
    sram_pj: float = 10.0
    dram_pj: float = 1000.0
    idle_pj: float = 0.1
    source: str = "assumed orders of magnitude, not of any chip"

    def __post_init__(self) -> None:
        for name in ("mac_pj", "sram_pj", "dram_pj", "idle_pj"):
            check_range("energy." + name, getattr(self, name), 0, 1e9)
        check_length("energy.source", self.source, 1, 300)


@dataclass
class SystolicWorkload:
    """One training step's matrix products on a simulated array of multipliers. Nothing of it is measured.

    classes: outputs of the model's head. sram_kb: on-chip memory of each of three operands; what does not fit moves
    to or from DRAM for every fold. overlap_drain: see gradfilter/systolic/array.py. compute is where the model's
    shapes are found.
    """

    __pydantic_config__ = REFUSE_UNKNOWN_KEYS

    kind: Literal["systolic"]
    model: str
    classes: int = 10
    batch_size: int = 16
    image_size: int = 128
    trainable: Union[str, List[str]] = "all"
    array_rows: int = 32
    array_columns: int = 32
    overlap_drain: bool = True
    sram_kb: float = 512.0
    word_bytes: int = 4
    clock_mhz: float = 500.0
    energy: ArrayEnergy = field(default_factory=ArrayEnergy)
    compute: Literal["cpu"] = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        check_word("model", self.model)
        read_import_path(self.model)
        check_range("classes", self.classes, 1, 1000000)
        check_range("batch_size", self.batch_size, 1, 4096)
        check_range("image_size", self.image_size, 1, 4096)
        check_trainable("trainable", self.trainable)
        check_range("array_rows", self.array_rows, 1, 65536)
        check_range("array_columns", self.array_columns, 1, 65536)
        check_range("word_bytes", self.word_bytes, 1, 16)
        check_positive("sram_kb", self.sram_kb)
        check_positive("clock_mhz", self.clock_mhz)
        check_choice("compute", self.compute, ["cpu"])
        check_range("seed", self.seed, 0, 2**63 - 1)


@dataclass
class SimulatedLayer:
    """One layer's pass on the array: simulated, never measured. part: one of SYSTOLIC_PARTS.

    reads, writes: words between array and on-chip memory. energy_j: by the workload's own model.
    """

    name: str
    part: str
    cycles: int
    macs: int
    reads: int
    writes: int
    energy_j: float
    utilisation: float
