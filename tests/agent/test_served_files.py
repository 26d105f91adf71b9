"""The files that a run leaves for people: what is seen of them, and that nothing else is."""

import pytest

from agent.errors import UnknownFile
from agent.run_folder import RunFolder
from agent.served_files import LARGEST_BYTES, MOST_FILES, find_file, list_files
from gradfilter.bench.schema import RunFile


@pytest.fixture
def folder(tmp_path):
    """A run with one file, beside its own."""
    made = RunFolder(tmp_path / "run-1")
    made.files.mkdir(parents=True)
    (made.files / "trace.json.gz").write_bytes(b"12345")
    (made.path / "spec.json").write_text("{}")
    return made


def test_files_are_listed_with_their_sizes(folder):
    """What lies in the run's folder of files can be fetched; the run's own files cannot."""
    assert [RunFile("trace.json.gz", 5)] == list_files(folder)
    assert b"12345" == find_file(folder, "trace.json.gz").read_bytes()


@pytest.mark.parametrize("name", ["../spec.json", "..", "spec.json", "", "/etc/hostname", ".hidden", "a b"])
def test_no_name_leads_out(folder, name):
    """A name that is no file of the folder is refused, whatever it looks like."""
    for made in (".hidden", "a b"):
        (folder.files / made).write_text("x")
    with pytest.raises(UnknownFile, match="has no file"):
        find_file(folder, name)


def test_links_and_folders_are_not_followed(folder, tmp_path):
    """A link is no file of the run's, even if the worker made it; neither is the whole folder when it is a link."""
    (tmp_path / "secret").write_text("x")
    (folder.files / "link").symlink_to(tmp_path / "secret")
    (folder.files / "sub").mkdir()
    assert ["trace.json.gz"] == [file.name for file in list_files(folder)]
    other = RunFolder(tmp_path / "run-2")
    other.path.mkdir()
    other.files.symlink_to(folder.files)
    assert [] == list_files(other)


def test_size_and_number_are_limited(folder):
    """A file that is too large is left out, and so is what exceeds the number."""
    with (folder.files / "large").open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)
    for number in range(MOST_FILES + 3):
        (folder.files / f"x{number:02}").write_text("x")
    names = [file.name for file in list_files(folder)]
    assert (MOST_FILES, False) == (len(names), "large" in names)


def test_a_run_without_files_has_none(tmp_path):
    """Most runs leave nothing."""
    assert [] == list_files(RunFolder(tmp_path / "run-1"))
