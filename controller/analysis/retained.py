"""What is left of a run whose sensor series were dropped: what it had measured, and why they are gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from controller.analysis.measurements import Measurement


@dataclass(frozen=True)
class Retained:
    """at: the instant at which its series were dropped, as text. why: the end of a sentence that begins 'because'."""

    at: str
    why: str
    measurements: Sequence[Measurement]


NOTHING_DROPPED: Mapping[str, Retained] = MappingProxyType({})
