"""How options are described and checked, for types that the methods of the table do not use yet."""

from dataclasses import dataclass, field
from typing import ClassVar, Dict, List, Optional

import pytest

from gradfilter.methods import Method
from gradfilter.methods.options import type_name


@dataclass
class Everything(Method):
    """A method with an option of each kind."""

    name: ClassVar[str] = "everything"
    ratio: float = field(default=0.5, metadata={"help": "a number"})
    on: bool = field(default=False, metadata={"help": "a switch"})
    mode: str = field(default="a", metadata={"help": "a word"})
    counts: List[int] = field(default_factory=list, metadata={"help": "numbers"})
    limit: Optional[float] = field(default=None, metadata={"help": "a number or none"})
    sizes: Dict[str, int] = field(default_factory=dict, metadata={"help": "numbers by name"})


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, "int"),
        (Optional[int], "Optional[int]"),
        (List[str], "List[str]"),
        (Optional[List[float]], "Optional[List[float]]"),
        (Dict[str, int], "Dict[str, int]"),
        (Optional[Dict[str, List[int]]], "Optional[Dict[str, List[int]]]"),
    ],
    ids=str,
)
def test_types_are_written_alike_on_every_python(hint, expected):
    """A type reads as it stands in the source, without the module or the version's own spelling."""
    assert expected == type_name(hint)


def test_options_are_described_in_order():
    """Name, type, default and help of each field, defaults from factories included."""
    described = [(o.name, o.type, o.default, o.help) for o in Everything.describe().options]
    assert [
        ("ratio", "float", 0.5, "a number"),
        ("on", "bool", False, "a switch"),
        ("mode", "str", "a", "a word"),
        ("counts", "List[int]", [], "numbers"),
        ("limit", "Optional[float]", None, "a number or none"),
        ("sizes", "Dict[str, int]", {}, "numbers by name"),
    ] == described


@pytest.mark.parametrize(
    "options",
    [{"ratio": 1}, {"limit": 2}, {"on": True}, {"counts": [1, 2]}, {"limit": None}, {"sizes": {"a": 1}}, {"sizes": {}}],
    ids=str,
)
def test_fitting_values_are_taken(options):
    """An integer is a fitting number, and None fits what is optional."""
    method = Everything.from_options(options)
    assert options == {name: getattr(method, name) for name in options}


@pytest.mark.parametrize(
    "options",
    [
        {"ratio": True},
        {"ratio": None},
        {"on": 1},
        {"mode": 3},
        {"counts": [1.5]},
        {"counts": (1,)},
        {"sizes": {"a": 1.5}},
        {"sizes": {"a": True}},
        {"sizes": {1: 1}},
        {"sizes": ["a"]},
    ],
    ids=str,
)
def test_values_of_another_type_are_refused(options):
    """A switch is no number, a tuple no list: JSON would not have sent it."""
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must be "):
        Everything.from_options(options)


def test_all_unknown_options_are_named():
    """Several misspelt options are told at once."""
    with pytest.raises(ValueError, match="everything has no option 'a' and no option 'b'; it has ratio, on, mode"):
        Everything.from_options({"a": 1, "b": 2})
