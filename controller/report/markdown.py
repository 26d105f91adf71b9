"""The report as Markdown, for an issue, a pull request or a notebook."""

import re
from collections.abc import Iterator, Sequence

from controller.analysis.verdicts import Comparison
from controller.report.content import Content, content_of
from controller.report.rows import Table

# What Markdown or the HTML inside it would take for markup. A device's name and a job's note are free text.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


def render(comparison: Comparison) -> str:
    """The comparison as Markdown with tables."""
    content = content_of(comparison)
    sections = [*_head(content), *_results(content), *_concerns(content), *_runs(content), *_background(content)]
    return "\n\n".join(sections) + "\n"


def _head(content: Content) -> Iterator[str]:
    yield f"# {escape(content.title)}"
    yield f"**{escape(content.headline)}**"
    if content.missing and content.missing not in content.headline:
        yield f"Missing: {escape(content.missing)}."
    yield "\n".join(f"- {name}: {escape(value)}" for name, value in content.facts)


def _results(content: Content) -> Iterator[str]:
    yield "## Results"
    for table in content.results:
        yield f"### {escape(table.caption)}"
        yield from _with_notes(table)
    for beside in content.beside:
        yield f"## {escape(beside.caption)}"
        yield from _with_notes(beside)


def _with_notes(table: Table) -> Iterator[str]:
    if any(group.rows for group in table.groups):
        yield _table(table)
    notes = [f"- {escape(group.title)}: {escape(note)}" for group in table.groups for note in group.notes]
    if notes:
        yield "\n".join(notes)


def _concerns(content: Content) -> Iterator[str]:
    yield "## Concerns"
    if not content.concerns:
        yield "None was found."
        return
    yield "\n".join(
        f"- **{escape(concern.code)}**{f' ({escape(concern.variant)})' if concern.variant else ''}: "
        f"{escape(concern.message)}. *To do:* {escape(concern.advice)}."
        for concern in content.concerns
    )


def _runs(content: Content) -> Iterator[str]:
    yield "## Runs"
    yield _table(content.runs)
    if content.failures:
        yield "What failed:"
        yield "\n".join(f"- {escape(variant)}: {escape(text)}" for variant, text in content.failures)
    if content.values.groups:
        yield f"### {content.values.caption}"
        yield _table(content.values)
    if content.layers:
        yield "## Layers"
    for table in content.layers:
        yield f"### {escape(table.caption)}"
        yield from _with_notes(table)


def _background(content: Content) -> Iterator[str]:
    yield "## How the numbers were made"
    yield "\n".join(f"- {escape(sentence)}" for sentence in content.method)
    yield "\n".join(f"- **{kind}**: {escape(meaning)}" for kind, meaning in content.kinds)
    if content.environment:
        yield "## Environment"
        yield _cells([("what", "value"), *content.environment])
    yield "## Repeat it"
    yield f"Save this as `job.json`, then `{content.command}`:"
    yield _fenced(content.job_json)


def _table(table: Table) -> str:
    """Groups become a first column; it is left out where they have no titles."""
    titled = any(group.title for group in table.groups)
    lines = [(("", *table.columns) if titled else table.columns)]
    for group in table.groups:
        for i, row in enumerate(group.rows):
            cells = (row.label, *row.cells)
            lines.append((group.title if i == 0 else "", *cells) if titled else cells)
    return _cells(lines)


def _cells(lines: Sequence[Sequence[str]]) -> str:
    header, *body = ["| " + " | ".join(escape(cell) for cell in line) + " |" for line in lines]
    return "\n".join([header, "|" + " --- |" * len(lines[0]), *body])


def escape(text: str) -> str:
    """The text as Markdown that shows it literally, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _fenced(text: str) -> str:
    """A code block whose fence is longer than any row of backticks in the text."""
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{text}\n{fence}"
