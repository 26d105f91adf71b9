"""What is left of a run whose sensor series were dropped: what it had measured, and why they are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from controller.analysis.measurements import Measurement


@dataclass(frozen=True)
class Retained:
    """What cannot be found out again without its series.

    at: the instant at which they were dropped, as text. why: the end of a sentence that begins 'because'. void: why the
    run does not count, '' where it does. foreign_load: the share of the processors that other programs took while it
    was measured, None where nobody read it.
    """

    at: str
    why: str
    measurements: Sequence[Measurement]
    void: str = ""
    foreign_load: float | None = None


NOTHING_DROPPED: Mapping[str, Retained] = MappingProxyType({})
