"""A report's charts as files, for slides and papers: those of the page, each with its title, on white."""

import io
import re
import zipfile
from collections.abc import Callable
from html import escape

from controller.analysis.verdicts import Comparison
from controller.report.charts import figures
from controller.report.drawing import Figure

_INK, _PAPER = "#1a2027", "#ffffff"
_TITLE_HEIGHT = 30
_MARGIN = 16
_SCALE = 2.0  # pixels of a PNG for each of the SVG's
_EPOCH = (1980, 1, 1, 0, 0, 0)  # an archive of the same charts is the same archive


def svg_archive(comparison: Comparison) -> bytes:
    """Every chart as an SVG file in a ZIP archive; empty where nothing was measured."""
    return _archive(comparison, "svg", lambda drawn: drawn.encode())


def png_archive(comparison: Comparison) -> bytes:
    """The same, as PNG."""
    from vl_convert import svg_to_png  # noqa: PLC0415 - see drawing.py's first lines

    return _archive(comparison, "png", lambda drawn: svg_to_png(drawn, scale=_SCALE))


def standalone(figure: Figure) -> str:
    """The chart as an SVG document of its own."""
    size = re.match(r'<svg[^>]*?\bwidth="([\d.]+)"[^>]*?\bheight="([\d.]+)"', figure.svg)
    if size is None:
        raise ValueError(f"a chart begins with its size; {figure.title!r} begins with {figure.svg[:80]!r}")
    width, height = float(size[1]), float(size[2]) + _TITLE_HEIGHT
    drawn = figure.svg.replace("currentColor", _INK).replace("<svg", f'<svg y="{_TITLE_HEIGHT}"', 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" fill="{_INK}">'
        f"<title>{escape(figure.title)}</title><desc>{escape(figure.description)}</desc>"
        f'<rect width="100%" height="100%" fill="{_PAPER}"/>'
        f'<text x="{_MARGIN}" y="20" font-family="system-ui, sans-serif" font-size="13" font-weight="600">'
        f"{escape(figure.title)}</text>{drawn}</svg>"
    )


def _archive(comparison: Comparison, suffix: str, written: Callable[[str], bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, figure in enumerate(figures(comparison), start=1):
            name = re.sub(r"[^a-z0-9]+", "-", figure.title.lower()).strip("-")[:80]
            entry = zipfile.ZipInfo(f"{number:02d}-{name}.{suffix}", _EPOCH)
            archive.writestr(entry, written(standalone(figure)), zipfile.ZIP_DEFLATED)
    return file.getvalue()
