"""What is remembered of files, and when it is forgotten."""

import os

import pytest

from gradfilter.bench.datasets.known_files import KnownFiles


class Reader:
    """Reads a file's text, and notes that it did."""

    def __init__(self):
        self.seen = []

    def __call__(self, path):
        self.seen.append(path.name)
        return path.read_text()


@pytest.fixture(name="files")
def fixture_files(board):
    paths = [board.datasets_dir / "set" / name for name in ("a.txt", "b.txt")]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text("one")
    return paths


@pytest.fixture(name="known")
def fixture_known(board, files):
    """Makes the board's memory of the folder anew, as every process does."""
    return lambda: KnownFiles(files[0].parent, board.cache_dir)


def write_at_another_time(path, text):
    """Write until the file's clock has moved on: within a tick of it two writes have the same time."""
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        path.write_text(text)


def test_files_are_read_once(known, files):
    """
    Another process with the same cache reads none of them.
    """
    first, second = Reader(), Reader()
    assert ["one", "one"] == known().facts("text", first, files)
    assert ["one", "one"] == known().facts("text", second, files)
    assert (["a.txt", "b.txt"], []) == (first.seen, second.seen)


def test_facts_of_other_kinds_and_folders_are_others(known, files, board):
    """
    One kind of fact is not taken for another, nor a folder's for those of its neighbour.
    """
    known().facts("text", Reader(), files)
    assert [3, 3] == known().facts("length", lambda path: len(path.read_text()), files)
    (board.datasets_dir / "other").mkdir()
    neighbour = board.datasets_dir / "other" / "a.txt"
    neighbour.write_text("two")
    assert ["two"] == KnownFiles(neighbour.parent, board.cache_dir).facts("text", Reader(), [neighbour])


def test_only_what_changed_is_read_again(known, files):
    """
    A new size or a new time is a change, and a time that was set back is one as well.
    """
    known().facts("text", Reader(), files)
    written = files[1].stat()
    write_at_another_time(files[1], "two")
    os.utime(str(files[1]), ns=(written.st_atime_ns, written.st_mtime_ns))
    reader = Reader()
    assert ["one", "two"] == known().facts("text", reader, files)
    assert ["b.txt"] == reader.seen


def test_damaged_memory_is_made_again(known, files, board):
    """
    What is kept can be thrown away at any time.
    """
    known().facts("text", Reader(), files)
    for kept in board.cache_dir.iterdir():
        kept.write_text("{")
    assert ["one", "one"] == known().facts("text", Reader(), files)


def test_content_is_that_of_names_and_bytes(known, files, board):
    """
    The same files in another place and order have the same content; another byte or name is another.
    """
    content = known().content(files)
    copies = [board.datasets_dir / "copy" / path.name for path in files]
    copies[0].parent.mkdir()
    for path in copies:
        path.write_text("one")
    copy = KnownFiles(copies[0].parent, board.cache_dir)
    assert content == copy.content(copies[::-1])
    renamed = copies[1].with_name("c.txt")
    copies[1].rename(renamed)
    assert content != copy.content([copies[0], renamed])
    write_at_another_time(files[0], "two")
    assert content != known().content(files)
