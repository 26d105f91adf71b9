"""Copies of a database that is being written to, and bringing one back."""

import sqlite3
import threading
from contextlib import closing

import pytest

from controller.store import Store
from controller.store.backup import BackupError, back_up, restore
from tests.controller.databases import sqlite_url
from tests.controller.fake_controller import SPEC


@pytest.fixture
def store(tmp_path):
    opened = Store(sqlite_url(tmp_path))
    opened.database.migrate()
    yield opened
    opened.close()


def test_a_copy_of_a_live_database_is_whole(store, tmp_path):
    """Jobs are queued all the while: the copy has all from before it, none of it torn."""
    before = [store.jobs.add(SPEC).id for _ in range(20)]
    stop = threading.Event()

    def queue_jobs():
        while not stop.is_set():
            store.jobs.add(SPEC)

    writer = threading.Thread(target=queue_jobs)
    writer.start()
    size_bytes = back_up(sqlite_url(tmp_path), tmp_path / "copy.sqlite3")
    stop.set()
    writer.join()
    assert (tmp_path / "copy.sqlite3").stat().st_size == size_bytes
    with closing(sqlite3.connect(tmp_path / "copy.sqlite3")) as copy:
        assert [("ok",)] == copy.execute("PRAGMA integrity_check").fetchall()
        ids = [number for (number,) in copy.execute("SELECT id FROM jobs ORDER BY id")]
    assert list(range(1, len(ids) + 1)) == ids
    assert len(before) <= len(ids)


def test_a_copy_is_for_its_owner_alone_and_without_a_journal(store, tmp_path):
    """One file, that nobody else reads; nothing half-written stays beside it."""
    folder = tmp_path / "copies"
    folder.mkdir()
    back_up(sqlite_url(tmp_path), folder / "copy.sqlite3")
    assert ["copy.sqlite3"] == [path.name for path in folder.iterdir()]
    assert 0o600 == (folder / "copy.sqlite3").stat().st_mode & 0o777


def test_what_is_restored_is_what_was_copied(store, tmp_path):
    """Into an empty place, and a controller that opens it has its jobs."""
    store.jobs.add(SPEC)
    back_up(sqlite_url(tmp_path), tmp_path / "copy.sqlite3")
    restore(tmp_path / "copy.sqlite3", sqlite_url(tmp_path / "new"))
    restored = Store(sqlite_url(tmp_path / "new"))
    restored.database.migrate()
    assert [store.jobs.get("1")] == restored.jobs.queued()
    restored.close()


def test_nothing_is_overwritten(store, tmp_path):
    """Neither an older copy nor a database in use."""
    back_up(sqlite_url(tmp_path), tmp_path / "copy.sqlite3")
    with pytest.raises(BackupError, match="is there already"):
        back_up(sqlite_url(tmp_path), tmp_path / "copy.sqlite3")
    with pytest.raises(BackupError, match="with the controller stopped"):
        restore(tmp_path / "copy.sqlite3", sqlite_url(tmp_path))


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_nothing_is_restored_beside_a_journal(store, tmp_path, ending):
    """What is left of another database would be read as changes of this one."""
    back_up(sqlite_url(tmp_path), tmp_path / "copy.sqlite3")
    left = tmp_path / "new" / f"controller.sqlite3{ending}"
    left.parent.mkdir()
    left.touch()
    with pytest.raises(BackupError, match=f"{ending} is left .* move it away too"):
        restore(tmp_path / "copy.sqlite3", sqlite_url(tmp_path / "new"))
    assert [left] == list(left.parent.iterdir())


@pytest.mark.parametrize("content", [b"no database at all", b"", None])
def test_what_is_no_copy_is_not_restored(tmp_path, content):
    """Another file, an empty one, none: nothing is put in the database's place."""
    if content is not None:
        (tmp_path / "copy").write_bytes(content)
    with pytest.raises(BackupError, match=r"no controller's database|there is no file"):
        restore(tmp_path / "copy", sqlite_url(tmp_path))
    assert {"copy"} >= {path.name for path in tmp_path.iterdir()}


def test_a_damaged_copy_is_not_restored(store, tmp_path):
    """A copy of which a part was overwritten is refused."""
    for _ in range(200):
        store.jobs.add(SPEC)
    back_up(sqlite_url(tmp_path), tmp_path / "copy")
    with (tmp_path / "copy").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 65536)
    with pytest.raises(BackupError, match=r"damaged|no controller's database"):
        restore(tmp_path / "copy", sqlite_url(tmp_path / "new"))
    assert not (tmp_path / "new" / "controller.sqlite3").exists()


def test_other_databases_have_tools_of_their_own():
    """PostgreSQL's are named."""
    with pytest.raises(BackupError, match="pg_dump"):
        back_up("postgresql://lab@127.0.0.1/lab", None)
