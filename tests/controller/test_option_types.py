"""JSON values against the types of options as boards write them."""

import pytest

from controller.option_types import fits


@pytest.mark.parametrize(
    ("value", "written", "expected"),
    [
        (2, "int", True),
        (2.0, "int", False),
        (True, "int", False),
        (2, "float", True),
        (True, "float", False),
        ("2", "float", False),
        (False, "bool", True),
        (0, "bool", False),
        ("a", "str", True),
        (None, "str", False),
        (None, "Optional[str]", True),
        (1, "Optional[str]", False),
        (["a"], "Optional[List[str]]", True),
        (["a", 1], "List[str]", False),
        ("a", "List[str]", False),
        ("a", "Union[int, str]", True),
        (1.5, "Union[int, str]", False),
        ({"a": 1}, "Dict[str, int]", True),
        ({}, "Optional[Dict[str, int]]", True),
        ({"a": 1, "b": 1.5}, "Dict[str, int]", False),
        (["a"], "Dict[str, int]", False),
        ({"a": 1}, "List[str]", False),
        ({"a": 1}, "Tuple[str, int]", True),
        ({"a": 1}, "Dict[str]", True),
        (object, "not a type at all", True),
        (1, "\x00", True),
    ],
)
def test_a_value_fits_its_type(value, written, expected):
    """A value is of the type or not; a type that is not known here is left to the board."""
    assert expected == fits(value, written)
