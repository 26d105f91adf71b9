"""How many statements a page asks of the database: not more in a large lab than in a small one."""

import threading

import pytest
from sqlalchemy import event

from tests.controller.lab import local_client, quick_settings
from tests.load.dashboard import fill

PATHS = ("/", "/jobs/3", "/results", "/history?device=board-1&variant=filtered")


def statements(folder, jobs, devices):
    """The number of statements for each page of a lab of this size."""
    settings = quick_settings(folder, tick_s=3600.0, device_poll_s=3600.0)
    with local_client(settings) as client:
        store = client.app.state.services.store
        fill(store, jobs, devices)
        return [counted(client, store.database._engine, path) for path in PATHS]


def counted(client, engine, path):
    """Those of the page itself, which AnyIO's threads make; the scheduler's, which may come beside, are asyncio's."""
    asked = []

    def hear(_connection, _cursor, statement, *_others):
        if "AnyIO" in threading.current_thread().name:
            asked.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    assert 200 == client.get(path).status_code
    event.remove(engine, "before_cursor_execute", hear)
    return len([statement for statement in asked if statement.startswith("SELECT")])


def test_pages_ask_the_same_of_a_small_and_a_large_lab(tmp_path):
    """The statements of a page do not grow with jobs and devices."""
    small = statements(tmp_path / "small", 210, 2)
    assert small == statements(tmp_path / "large", 400, 20)
    assert 0 < min(small) <= max(small) <= 20


@pytest.mark.parametrize("wanted", [0, 3])
def test_the_queue_is_read_as_far_as_it_is_shown(tmp_path, wanted):
    """A long queue is not loaded to show its beginning."""
    with local_client(quick_settings(tmp_path)) as client:
        store = client.app.state.services.store
        fill(store, 205, 1)
        assert wanted == len(store.jobs.queued(wanted))
