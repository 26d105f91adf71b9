"""Jobs that are submitted at the same time: each is queued or refused as if it came alone."""

import asyncio

import pytest

from controller.documents import JOB_SPEC
from controller.errors import InvalidRequestError
from controller.jobs import NewDevice
from controller.live import Live
from controller.store import Store
from controller.submissions import Submissions
from controller.views import JobViews
from tests.controller.databases import DATABASES, new_database
from tests.controller.samples import job_document


@pytest.fixture(params=DATABASES)
def store(request, tmp_path):
    """A lab of two boards."""
    opened = Store(new_database(request, tmp_path))
    opened.database.migrate()
    for name in ("nano-1", "nano-2"):
        opened.devices.add(NewDevice(name, f"http://{name}:8101", ["nano"]))
    yield opened
    opened.close()


def submitted(store, *wanted):
    """What comes of jobs for these devices, by a user each, submitted at once; and how often the queue woke."""
    woken = []

    async def submit_all():
        door = Submissions(store, JobViews(store, Live()), lambda: woken.append(1))
        specs = [JOB_SPEC.validate_python(job_document(device=device)) for device in wanted]
        asked = [door.submit(spec, user=f"user-{place}") for place, spec in enumerate(specs)]
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(submit_all()), len(woken)


def test_each_gets_its_own_answer(store):
    """One for a board that nobody registered is refused by name; those beside it are queued, each for its user."""
    (first, refused, third), woken = submitted(store, {"name": "nano-1"}, {"name": "pi-1"}, {"name": "nano-2"})
    assert isinstance(refused, InvalidRequestError)
    assert "'pi-1' is unknown in this lab; there are nano-1, nano-2." in str(refused)
    assert 2 == woken
    assert [("nano-1", "user-0"), ("nano-2", "user-2")] == [(job.spec.device.name, job.user) for job in (first, third)]
    assert {first.id, third.id} == {job.id for job in store.jobs.queued()}
    assert (first.id, third.id) == (first.series, third.series)


def test_one_for_all_boards_becomes_a_series_of_its_own(store):
    """Its jobs are found by the first, which is answered; a job beside it belongs to another series."""
    (first, other), _ = submitted(store, {"tags": ["nano"], "scope": "all"}, {"name": "nano-2"})
    assert ["nano-1", "nano-2"] == [job.spec.device.name for job in store.jobs.of_series(first.series)]
    assert [other.id] == [job.id for job in store.jobs.of_series(other.series)]


def test_the_answer_is_what_the_job_says_later(store):
    """Nothing of it is read back, and nothing differs."""
    ([job], _) = submitted(store, {"name": "nano-1"})

    async def later():
        return JobViews(store, Live()).one(job.id)

    assert asyncio.run(later()) == job
