"""What the rails of NVIDIA's boards feed, by their labels, for whoever reads them.

Rails not named here, or feeding several units, are just rails. Source: NVIDIA's Jetson Linux guides, power monitoring.
"""

from collections.abc import Collection
from dataclasses import dataclass

COVERS = {
    "POM_5V_IN": "board_input",
    "VIN": "board_input",
    "VDD_IN": "module",
    "POM_5V_GPU": "gpu",
    "POM_5V_CPU": "cpu",
    "GPU": "gpu",
    "CPU": "cpu",
}


@dataclass(frozen=True)
class RailSum:
    """Rails that together stand for a board which meters no input, and what they cover."""

    rails: tuple[str, ...]
    covers: str

    @property
    def name(self) -> str:
        """Named from its rails, so that every number made of it says what it is."""
        return " + ".join(self.rails)

    @property
    def advice(self) -> str:
        """What its user should know before comparing energies."""
        return (
            f"this board meters no input; {self.name} leaves out its carrier board and its losses. Compare energies on "
            "this board alone, or put a meter into its lead."
        )


# The AGX Xavier's rails make up about its module. The AGX Orin's VDDQ_VDD2_1V8AO is left out, since it is fed with 5 V
# and may be a part of VIN_SYS_5V0; no sum here counts a joule twice. To be confirmed on boards.
_SUMS = (
    RailSum(("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"), "module"),
    RailSum(("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"), "rails"),
)


def sum_of(rails: Collection[str]) -> RailSum | None:
    """The sum that a board with these rails offers, None where a part of it is missing."""
    return next((found for found in _SUMS if set(found.rails) <= set(rails)), None)
