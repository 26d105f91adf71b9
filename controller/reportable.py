"""Whether a report can show what a job brings along: its free texts, published figures and primary metrics."""

import unicodedata
from collections.abc import Iterator

from controller.analysis.metrics import METRICS, expected_metrics, is_testable
from controller.errors import FieldError
from gradfilter.bench.schema import JobSpec, PublishedFigure

_LINES = "\n\t"  # which a note may have


def unreportable(spec: JobSpec) -> list[FieldError]:
    """What of the job no report could show; empty where there is nothing.

    Terminals obey control characters, and a figure of something that the job does not measure stands alone for ever.
    """
    return [*_control_characters(spec), *_strange_figures(spec), *_untestable(spec)]


def _control_characters(spec: JobSpec) -> Iterator[FieldError]:
    texts = {"note": spec.note.translate(dict.fromkeys(map(ord, _LINES))), "suite": spec.suite}
    for number, figure in enumerate(spec.published):
        texts[f"published.{number}.measured_on"] = figure.measured_on
        texts[f"published.{number}.source"] = figure.source
    for field, text in texts.items():
        found = next((character for character in text if unicodedata.category(character) == "Cc"), None)
        if found is not None:
            yield FieldError(field, f"{field} must have no control characters, got {found!r} in {text[:80]!r}.")


def _strange_figures(spec: JobSpec) -> Iterator[FieldError]:
    measured = expected_metrics(spec.workload)
    for number, figure in enumerate(spec.published):
        if figure.part not in measured:
            yield _must_be(f"published.{number}.part", list(measured), figure.part)
        elif figure.metric not in (names := [metric.name for metric in measured[figure.part]]):
            yield _must_be(f"published.{number}.metric", names, figure.metric, figure)


def _untestable(spec: JobSpec) -> Iterator[FieldError]:
    """Primary metrics of which no test could say anything."""
    known = [metric for metric in METRICS.values() if is_testable(metric)]
    for number, name in enumerate(spec.primary):
        if name not in [metric.name for metric in known]:
            yield _must_be(f"primary.{number}", [metric.name for metric in known], name)


def _must_be(field: str, known: list[str], given: str, figure: PublishedFigure | None = None) -> FieldError:
    where = f" for the part {figure.part!r}" if figure is not None and figure.part else ""
    one_of = f"one of {', '.join(map(repr, known))}" if len(known) > 1 else repr(known[0])
    return FieldError(field, f"{field} must be {one_of}{where}, got {given[:80]!r}.")
