"""JSON that could not be stored, sent on or read alike by everybody is refused where it enters."""

import json

import pytest

from gradfilter.bench.schema.strict_json import parse_json


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "Expecting property name"),
        (b"[NaN]", "NaN is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b"[1e999]", "1e999 is too large"),
        (b'{"a": {"b": 1, "b": 1}}', 'the field "b" is there twice'),
        (b'["\\u0000"]', "NUL"),
        (b'["\\ud800"]', "half a surrogate pair"),
        (b'["\xed\xa0\x80"]', "utf-8"),
        ('["\\u0000"]'.encode("utf-16"), "utf-8"),
        (b"[" * 100000, "recursion"),
    ],
)
def test_what_is_refused_is_said(body, words):
    """The error is that of a body which is no JSON, with a sentence of its own."""
    with pytest.raises(json.JSONDecodeError, match=words):
        parse_json(body)


def test_ordinary_json_is_read():
    """Numbers, text beyond ASCII and escapes arrive as they were written."""
    assert {"a": [1, 2.5, None], "ü": "\U0001f600\\u0000"} == parse_json(
        '{"a": [1, 2.5, null], "ü": "\\ud83d\\ude00\\\\u0000"}'.encode()
    )
