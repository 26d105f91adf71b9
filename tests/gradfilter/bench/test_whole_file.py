"""Files that are written whole or not at all."""

import pytest

from gradfilter.bench.whole_file import whole_file


def test_written_file_lies_at_its_path(tmp_path):
    """
    Its folder is made, an older file is replaced, and nothing else is left.
    """
    path = tmp_path / "cache" / "about.json"
    for content in (b"older", b"newer"):
        with whole_file(path) as file:
            file.write(content)
        assert content == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_error_leaves_what_was_there(tmp_path):
    """
    A writer that fails half-way leaves the older file, and no part of the new one.
    """
    path = tmp_path / "about.json"
    path.write_bytes(b"older")
    with pytest.raises(TypeError), whole_file(path) as file:
        file.writelines([b"new", None])
    assert b"older" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())
