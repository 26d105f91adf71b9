"""Whether a JSON value fits the type of a method's option, as a board writes it: 'int', 'Optional[List[str]]'."""

import ast
from collections.abc import Callable
from typing import Any

_IS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
}


def fits(value: Any, written: str) -> bool:
    """Whether the value is of the type. A type that is not known here fits: the board has the last word."""
    try:
        return _fits(value, ast.parse(written, mode="eval").body)
    except (SyntaxError, ValueError, IndexError):
        return True


def _fits(value: Any, node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return _IS[node.id](value) if node.id in _IS else True
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if node.value.id == "Optional":
            return value is None or _fits(value, inner[0])
        if node.value.id == "Union":
            return any(_fits(value, member) for member in inner)
        if node.value.id == "List":
            return isinstance(value, list) and all(_fits(entry, inner[0]) for entry in value)
        if node.value.id == "Dict":
            return isinstance(value, dict) and all(
                _fits(key, inner[0]) and _fits(entry, inner[1]) for key, entry in value.items()
            )
    return True
