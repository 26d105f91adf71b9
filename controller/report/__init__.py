"""Reports: one comparison in the forms that people and programs read."""

from collections.abc import Callable
from dataclasses import dataclass

from controller.analysis.verdicts import Comparison
from controller.report import chart_files, html, markdown, tables, text


@dataclass(frozen=True)
class Format:
    """A form of the report, or of its charts. media_type is what HTTP calls it."""

    media_type: str
    render: Callable[[Comparison], str | bytes]


FORMATS: dict[str, Format] = {
    "html": Format("text/html; charset=utf-8", html.render),
    "md": Format("text/markdown; charset=utf-8", markdown.render),
    "txt": Format("text/plain; charset=utf-8", text.render),
    "csv": Format("text/csv; charset=utf-8", tables.render_csv),
    "json": Format("application/json", tables.render_json),
}
CHARTS: dict[str, Format] = {
    "svg.zip": Format("application/zip", chart_files.svg_archive),
    "png.zip": Format("application/zip", chart_files.png_archive),
}
