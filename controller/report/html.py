"""The report as one HTML file that opens from a mail attachment: no script, nothing loaded from anywhere."""

from pathlib import Path
from typing import TYPE_CHECKING

from controller.analysis.verdicts import Comparison
from controller.report.charts import figures
from controller.report.content import content_of

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATE = "report.html.j2"


def render(comparison: Comparison) -> str:
    """The comparison as a page: verdict, tables, charts, concerns, method, environment, how to repeat it."""
    template = _environment().get_template(_TEMPLATE)
    return template.render(content=content_of(comparison), figures=figures(comparison))


def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only this format needs it

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["split_interval"] = split_interval
    return environment


def split_interval(cell: str) -> tuple[str, str]:
    """A cell's number and its interval, so that a narrow page breaks between them and not inside."""
    number, bracket, interval = cell.partition(" (")
    return number, bracket.strip() + interval
