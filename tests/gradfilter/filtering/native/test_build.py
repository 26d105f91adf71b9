"""Building the kernels: which compiler and flags, and what becomes of a build that is torn, refused or made twice."""

import pytest

from gradfilter.filtering.native.build import FLAGS, build_folder, built_library, is_whole
from gradfilter.filtering.native.compiler import Unavailable


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADFILTER_NATIVE_DIR", str(tmp_path / "builds"))
    return tmp_path / "builds"


def test_build_is_made_once_and_found_again(folder, quick_compiler, monkeypatch):
    """The second call finds the first one's file, which is all that lies in the folder."""
    monkeypatch.setenv("CC", quick_compiler)
    first = built_library()
    assert FLAGS[0] == first.flags
    made = first.path.stat().st_mtime_ns
    assert (first, made) == (built_library(), first.path.stat().st_mtime_ns)
    assert [first.path] == list(folder.iterdir())
    assert b"libgomp" not in first.path.read_bytes()


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:5000], lambda _: b""])
def test_damaged_build_is_made_again(folder, quick_compiler, monkeypatch, damage):
    """A file that is not whole to its last byte is never used."""
    monkeypatch.setenv("CC", quick_compiler)
    path = built_library().path
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert not is_whole(path)
    assert path == built_library().path
    assert is_whole(path)


def test_changed_byte_is_seen(folder, quick_compiler, monkeypatch):
    """Neither is one whose bytes have changed."""
    monkeypatch.setenv("CC", quick_compiler)
    path = built_library().path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert not is_whole(path)


def test_compiler_that_knows_no_native_processor_builds_for_any(folder, script, c_compiler, monkeypatch):
    """Where -march=native is refused, the build is made without it, and found again."""
    refusing = script(
        "old-cc", 'case "$*" in *-march=native*) echo unknown; exit 1;; esac', f'exec {c_compiler} "$@" -O0'
    )
    monkeypatch.setenv("CC", refusing)
    assert FLAGS[1] == built_library().flags
    assert 1 == len(list(folder.iterdir()))
    assert FLAGS[1] == built_library().flags


def test_other_compiler_gets_a_build_of_its_own(folder, quick_compiler, script, c_compiler, monkeypatch):
    """A build is known by what made it."""
    monkeypatch.setenv("CC", quick_compiler)
    one = built_library().path
    monkeypatch.setenv("CC", script("other-cc", f'exec {c_compiler} "$@" -O0'))
    assert one != built_library().path


def test_failing_compiler_is_quoted(folder, script, monkeypatch):
    """The reason holds what the compiler said."""
    monkeypatch.setenv(
        "CC", script("bad-cc", '[ "$1" = --version ] && echo bad 1.0 && exit', "echo out of order; exit 1")
    )
    with pytest.raises(Unavailable, match="bad-cc failed: out of order"):
        built_library()
    assert [] == list(folder.iterdir())


def test_compiler_that_makes_nothing_is_not_believed(folder, script, monkeypatch):
    """Success without a file is a failure."""
    monkeypatch.setenv("CC", script("idle-cc", "echo idle 1.0"))
    with pytest.raises(Unavailable, match=r"kernels\.so"):
        built_library()


def test_missing_compiler_is_named(folder, monkeypatch, tmp_path):
    """The reason says what was looked for: what CC names, or the usual names."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(Unavailable, match="no C compiler: cc, gcc, clang not found"):
        built_library()
    monkeypatch.setenv("CC", "special-cc -m32")
    with pytest.raises(Unavailable, match="no C compiler: special-cc not found"):
        built_library()


def test_folder_that_cannot_be_written_says_what_to_do(quick_compiler, tmp_path, monkeypatch):
    """The reason names the setting."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CC", quick_compiler)
    monkeypatch.setenv("GRADFILTER_NATIVE_DIR", str(tmp_path / "file" / "builds"))
    with pytest.raises(Unavailable, match="cannot be written: set GRADFILTER_NATIVE_DIR"):
        built_library()


def test_builds_lie_in_the_users_cache(monkeypatch, tmp_path):
    """XDG_CACHE_HOME is honoured, and GRADFILTER_NATIVE_DIR comes first."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GRADFILTER_NATIVE_DIR", raising=False)
    assert tmp_path / "gradfilter" == build_folder()
    monkeypatch.setenv("GRADFILTER_NATIVE_DIR", str(tmp_path / "own"))
    assert tmp_path / "own" == build_folder()
