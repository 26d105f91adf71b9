"""Aligned tables and scaled numbers in plain ASCII: the consoles of old boards know no more."""

from typing import Sequence

_PREFIXES = ("", "k", "M", "G", "T", "P")
_STEP = 1000


def aligned_table(rows: Sequence[Sequence[str]], words: int) -> str:
    """Rows of cells as lines, the first as a header; the first `words` columns are set left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(_cell(row[i], width, left=i < words) for i, width in enumerate(widths)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def change_of(before: int, after: int, unit: str) -> str:
    """'5.12 -> 1.28 kB': two numbers in the prefix that suits the larger."""
    power = 0
    while max(before, after) >= _STEP ** (power + 1) and power + 1 < len(_PREFIXES):
        power += 1
    factor = _STEP**power
    return "%.4g -> %.4g %s%s" % (before / factor, after / factor, _PREFIXES[power], unit)


def _cell(text: str, width: int, *, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)
