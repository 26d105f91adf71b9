"""The report on a terminal: the verdict, the tables, the concerns; 110 columns at most."""

import textwrap
from collections.abc import Iterator, Sequence

from controller.analysis.verdicts import Comparison, Concern
from controller.report.content import Content, content_of
from controller.report.rows import Group, Row, Table

WIDTH = 110
_SEPARATOR = "  "
_NARROWEST = 8


def render(comparison: Comparison) -> str:
    """The comparison as plain text."""
    content = content_of(comparison)
    tables = [*content.results, *content.beside]
    sections = [list(_head(content)), *(list(_table(table)) for table in tables), list(_runs(content))]
    sections += [list(_table(table)) for table in content.layers]
    if content.concerns:
        sections.append(list(_concerns(content.concerns)))
    sections.append(list(_foot(content)))
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _head(content: Content) -> Iterator[str]:
    yield from _wrapped(content.title)
    yield from _wrapped(" · ".join(f"{name} {value}" for name, value in content.facts if name != "note"))
    yield ""
    yield from _wrapped(content.headline)
    if content.missing and content.missing not in content.headline:
        yield from _wrapped(f"Missing: {content.missing}.")


def _table(table: Table) -> Iterator[str]:
    """One line a row; a group's title stands above its rows, its notes below."""
    lines = [table.columns, *(_cells(group, row) for group in table.groups for row in group.rows)]
    widths = _fit([max(len(line[i]) for line in lines) for i in range(len(table.columns))])
    yield from _wrapped(table.caption)
    yield from _line(table.columns, widths)
    yield "─" * min(sum(widths) + len(_SEPARATOR) * (len(widths) - 1), WIDTH)
    for group in table.groups:
        yield from _group(group, widths)


def _group(group: Group, widths: Sequence[int]) -> Iterator[str]:
    if group.title:
        yield from _wrapped(group.title)
    for row in group.rows:
        yield from _line(_cells(group, row), widths)
    for note in group.notes:
        yield from _wrapped(note, "    ")


def _cells(group: Group, row: Row) -> tuple[str, ...]:
    return (f"  {row.label}" if group.title else row.label, *row.cells)


def _fit(widths: Sequence[int]) -> list[int]:
    """Column widths that fit the line: the widest gives way until they do."""
    fitted = list(widths)
    room = WIDTH - len(_SEPARATOR) * (len(fitted) - 1)
    while sum(fitted) > room and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _line(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """The lines of one row: cells too wide for their column are broken."""
    indent = cells[0][: len(cells[0]) - len(cells[0].lstrip())]
    broken = [
        textwrap.wrap(cell, width, initial_indent=first, subsequent_indent=first) or [""]
        for cell, width, first in zip(
            (cell.strip() for cell in cells), widths, (indent, *("" for _ in cells[1:])), strict=True
        )
    ]
    for i in range(max(len(parts) for parts in broken)):
        texts = [parts[i] if i < len(parts) else "" for parts in broken]
        yield _SEPARATOR.join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()


def _runs(content: Content) -> Iterator[str]:
    yield from _table(content.runs)
    for variant, why in content.failures:
        yield from _wrapped(f"{variant}, {why}", "  ")


def _concerns(concerns: Sequence[Concern]) -> Iterator[str]:
    yield f"Concerns ({len(concerns)})"
    for concern in concerns:
        who = f"{concern.variant}: " if concern.variant else ""
        yield from _wrapped(f"! {concern.code}: {who}{concern.message}. To do: {concern.advice}.", "  ", "    ")


def _foot(content: Content) -> Iterator[str]:
    kinds = "; ".join(f"{kind}: {meaning}" for kind, meaning in content.kinds)
    yield from _wrapped(f"Numbers are {kinds}." if len(content.kinds) > 1 else f"All numbers are {kinds}.")
    yield from _wrapped("The HTML and Markdown reports tell the method, the environment and every run's value.")


def _wrapped(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent if hanging is None else hanging)
