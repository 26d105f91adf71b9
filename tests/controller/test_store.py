"""The store's promises: records are written once, finished is final, the newest lease alone may write."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from controller import plan
from controller.errors import ConflictError, InvalidRequestError, NotFoundError, RunClosedError, StaleLeaseError
from controller.jobs import DeviceChange, NewDevice
from controller.measuring import unmeasured_runs
from controller.store import Planned, ResultFilter, Store
from controller.tables import Run
from tests.controller.databases import DATABASES, new_database
from tests.controller.samples import DEVICE, description, record
from tests.controller.stored import SPEC, fill_results, leased, started


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    return new_database(request, tmp_path)


@pytest.fixture
def store(database_url, clock):
    opened = Store(database_url, clock=clock, monotonic=clock.monotonic)
    opened.database.migrate()
    yield opened
    opened.close()


@pytest.fixture
def lease(store):
    return leased(store)


class TestRecords:
    def test_come_out_as_they_went_in(self, store, lease):
        """The record is whole again, series included, gaps included."""
        measured = record(started(store, lease))
        assert store.records.add(measured, lease)
        assert measured == store.records.get(measured.spec.run_id)
        assert [measured] == store.records.of_job(lease.job_id)

    def test_keep_their_series_apart(self, store, lease):
        """The stored document holds everything but the series."""
        measured = record(started(store, lease))
        store.records.add(measured, lease)
        document = store.records.document(measured.spec.run_id)
        assert "series" not in document
        assert 2 == len(document["steps"])

    def test_are_stored_once(self, store, lease):
        """A record that is sent again changes nothing, whatever it says now."""
        spec = started(store, lease)
        assert store.records.add(record(spec), lease)
        assert not store.records.add(record(spec, "failed", "later"), lease)
        assert ("finished", "") == (store.runs.get(spec.run_id).state, store.runs.get(spec.run_id).failure)

    def test_are_stored_once_by_many_at_the_same_time(self, store, lease):
        """Of writers that race, one stores the record and the others find it stored."""
        measured = record(started(store, lease))
        with ThreadPoolExecutor(8) as pool:
            stored = list(pool.map(lambda _: store.records.add(measured, lease), range(8)))
        assert 1 == sum(stored)

    def test_need_the_newest_lease(self, store, lease, clock):
        """A controller whose lease was taken over cannot write a record any more."""
        spec = started(store, lease)
        clock.advance(11)
        newer = store.leases.take_up(lease.job_id, DEVICE, 10)
        with pytest.raises(StaleLeaseError):
            store.records.add(record(spec), lease)
        assert store.records.add(record(spec), newer)

    def test_need_a_known_run(self, store, lease):
        """A record of a run that was never written down is refused."""
        spec = started(store, lease)
        spec.run_id = "1-unknown"
        with pytest.raises(NotFoundError):
            store.records.add(record(spec), lease)

    def test_keep_what_no_text_column_can_hold(self, store, lease):
        """A worker's last words may hold any character; a NUL among them does not stop the record."""
        measured = record(started(store, lease), "failed", "it said \0 and \N{SNOWMAN}")
        measured.log_tail = "a\0b"
        store.records.add(measured, lease)
        assert measured == store.records.get(measured.spec.run_id)
        assert "it said \N{REPLACEMENT CHARACTER} and" in store.runs.get(measured.spec.run_id).failure

    def test_are_not_there_before_the_end(self, store, lease):
        """A run that is under way has no record, and the error says so."""
        with pytest.raises(NotFoundError, match="running"):
            store.records.document(started(store, lease).run_id)

    def test_with_torn_series_are_refused_whole(self, store, lease):
        """A series with more instants than values is no data; the attempt stays open."""
        measured = record(started(store, lease))
        measured.series[0].times_s.append(99.0)
        with pytest.raises(ValueError, match="not as many instants as values"):
            store.records.add(measured, lease)
        assert "running" == store.runs.get(measured.spec.run_id).state


class TestRuns:
    def test_need_the_newest_lease_to_start(self, store, lease, clock):
        """A controller that lost its lease starts nothing."""
        clock.advance(11)
        store.leases.take_up(lease.job_id, DEVICE, 10)
        with pytest.raises(StaleLeaseError):
            started(store, lease)

    def test_attempts_of_a_slot_are_counted(self, store, lease):
        """The second attempt at a slot is number two, and no two runs share a name."""
        first, second = started(store, lease), started(store, lease)
        assert (1, 2) == (first.attempt, second.attempt)
        assert first.run_id != second.run_id

    def test_left_on_the_board_until_it_forgot_them(self, store, lease):
        """An ended run is on the list of what the board may forget, once."""
        spec = started(store, lease)
        assert [] == store.runs.left_on_agent(DEVICE)
        store.records.add(record(spec), lease)
        assert [spec.run_id] == store.runs.left_on_agent(DEVICE)
        store.runs.forgotten([spec.run_id])
        assert [] == store.runs.left_on_agent(DEVICE)

    def test_are_counted_by_state_without_preparations(self, store, lease):
        """The counts are exact whatever there is: finished and failed ones, those that go on, and preparations."""
        assert {} == store.runs.count_by_state()
        going_on = [started(store, lease, block=block) for block in range(1, 5)]
        prepared = store.runs.start(Planned("prepare", "", 0, 0, 7), lease)
        assert {"running": 4} == store.runs.count_by_state()
        for run, state in zip(going_on, ("finished", "finished", "failed"), strict=False):
            store.records.add(record(run, state, "" if state == "finished" else "it broke"), lease)
        preparation = plan.run_spec(SPEC, prepared)
        assert store.records.add(record(preparation), lease)
        assert {"finished": 2, "failed": 1, "running": 1} == store.runs.count_by_state()


class TestJobs:
    def test_cancelled_stays_cancelled(self, store, lease):
        """A job that was cancelled is not finished afterwards."""
        store.jobs.cancel(lease.job_id)
        assert not store.jobs.end(lease.job_id, "finished", "", lease)
        assert "cancelled" == store.jobs.get(lease.job_id).state

    def test_an_ended_job_cannot_be_cancelled(self, store, lease):
        """Finished is final."""
        store.jobs.end(lease.job_id, "finished", "", lease)
        with pytest.raises(ConflictError, match="finished"):
            store.jobs.cancel(lease.job_id)

    @pytest.mark.parametrize("job_id", ["99", "x", "", "-1", "9" * 30, "١"])
    def test_an_unknown_job_is_not_found(self, store, job_id):
        """Whatever is asked for, an unknown job is an error in words."""
        with pytest.raises(NotFoundError):
            store.jobs.get(job_id)

    def test_pages_hold_every_job_once(self, store):
        """Following the cursors gives all jobs, newest first."""
        ids = [store.jobs.add(SPEC).id for _ in range(5)]
        found, cursor = [], None
        while True:
            page = store.jobs.page(state=None, device=None, model=None, limit=2, cursor=cursor)
            found += [job.id for job in page.items]
            if (cursor := page.next) is None:
                break
        assert ids[::-1] == found

    @pytest.mark.parametrize("name", ["\0", "a\0b"])
    def test_a_name_that_no_text_can_hold_finds_nothing(self, store, name):
        """The NUL character, which PostgreSQL does not know, is looked for in vain and breaks nothing."""
        assert [] == store.jobs.page(state=None, device=name, model=name, suite=name, limit=2, cursor=None).items

    @pytest.mark.parametrize("cursor", ["x", "W10", "WzFd1", "WyJhIl0", "€", "WzFlNDAwXQ"])
    def test_a_cursor_of_ones_own_is_refused(self, store, cursor):
        """A cursor is what a page gave; anything else is an error that names the field."""
        with pytest.raises(InvalidRequestError) as error:
            store.jobs.page(state=None, device=None, model=None, limit=2, cursor=cursor)
        assert "cursor" == error.value.errors[0].field


class TestLeases:
    def test_one_job_a_board(self, store, lease):
        """A board that is held is not given to another job."""
        assert store.leases.start(store.jobs.add(SPEC).id, DEVICE, 10) is None

    def test_one_board_a_job_at_a_time(self, store, lease):
        """A job that was started is not started on a second board."""
        store.devices.add(NewDevice("another", "http://nano-2:8101"))
        assert store.leases.start(lease.job_id, "another", 10) is None

    def test_a_board_stays_promised_to_its_job(self, store, lease, clock):
        """When a lease runs out, the board waits for its running job and is not given to the next."""
        clock.advance(11)
        assert store.leases.start(store.jobs.add(SPEC).id, DEVICE, 10) is None
        assert store.leases.take_up(lease.job_id, DEVICE, 10) is not None

    def test_tokens_only_grow(self, store, lease, clock):
        """Every lease has a higher token, across releases and even when the clock goes back."""
        store.leases.release(lease)
        clock.step(-1000)
        second = store.leases.take_up(lease.job_id, DEVICE, 10)
        assert second.token > lease.token

    def test_tokens_grow_past_a_lost_database(self, tmp_path, store, lease, clock):
        """A new database begins above the tokens of the old one, which boards remember."""
        clock.advance(60)
        fresh = Store(f"sqlite:///{tmp_path / 'fresh.sqlite3'}", clock=clock)
        fresh.database.migrate()
        assert leased(fresh).token > lease.token
        fresh.close()

    def test_renewing_holds_the_board(self, store, lease, clock):
        """A renewed lease is valid for its new time, also when it had run out unnoticed."""
        clock.advance(9)
        store.leases.renew(lease)
        clock.advance(9)
        assert store.leases.take_up(lease.job_id, DEVICE, 10) is None
        clock.advance(9)
        store.leases.renew(lease)

    @pytest.mark.parametrize("seconds", [3600, -3600])
    def test_a_clock_that_is_set_anew_neither_ends_nor_prolongs_a_lease(self, store, lease, clock, seconds):
        """What counts is for how long a lease was seen unrenewed, not what the clocks on the walls say."""
        clock.step(seconds)
        assert store.leases.take_up(lease.job_id, DEVICE, 10) is None
        clock.advance(11)
        assert store.leases.take_up(lease.job_id, DEVICE, 10) is not None

    def test_a_lease_of_another_controller_is_watched_before_it_is_taken_over(self, store, lease, clock, database_url):
        """A controller that has just come takes over only what nobody renews under its own eyes."""
        newcomer = Store(database_url, clock=clock, monotonic=clock.monotonic)
        clock.advance(11)
        assert newcomer.leases.take_up(lease.job_id, DEVICE, 10) is None
        clock.advance(6)
        store.leases.renew(lease)
        clock.advance(6)
        assert newcomer.leases.take_up(lease.job_id, DEVICE, 10) is None
        clock.advance(10)
        assert newcomer.leases.take_up(lease.job_id, DEVICE, 10) is not None
        newcomer.close()

    def test_boards_within_reach_are_free_or_left_behind(self, store, lease, clock):
        """One look at all leases tells which are worth a try; a board that is held is not, while it is renewed."""
        assert {"idle"} == store.leases.within_reach({DEVICE, "idle"})
        clock.advance(6)
        store.leases.renew(lease)
        clock.advance(6)
        assert set() == store.leases.within_reach({DEVICE})
        clock.advance(10)
        assert {DEVICE} == store.leases.within_reach({DEVICE})
        assert store.leases.take_up(lease.job_id, DEVICE, 10) is not None

    def test_a_board_left_behind_by_a_job_that_ended_is_taken_up(self, store, lease):
        """A controller that went away between a job's end and giving its board back leaves the job open."""
        store.jobs.end(lease.job_id, "finished", "", lease)
        assert {lease.job_id: DEVICE} == store.jobs.open()
        store.leases.release(lease)
        assert {} == store.jobs.open()
        assert store.leases.take_up(lease.job_id, DEVICE, 10) is None

    def test_a_lease_that_was_taken_over_is_lost(self, store, lease, clock):
        """The old holder learns it at its next renewal, and its release changes nothing."""
        clock.advance(11)
        store.leases.take_up(lease.job_id, DEVICE, 10)
        with pytest.raises(StaleLeaseError):
            store.leases.renew(lease)
        store.leases.release(lease)
        assert store.leases.take_up(lease.job_id, DEVICE, 10) is None

    def test_one_of_many_gets_the_board(self, store):
        """Of jobs that are started on one board at the same time, exactly one gets it."""
        store.devices.add(NewDevice(DEVICE, "http://nano-1:8101"))
        ids = [store.jobs.add(SPEC).id for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            leases = list(pool.map(lambda job: store.leases.start(job, DEVICE, 10), ids))
        assert 1 == sum(lease is not None for lease in leases)

    @pytest.mark.parametrize("change", [DeviceChange(maintenance=True), DeviceChange(fault="it is hot")])
    def test_a_board_that_must_not_be_used_is_not_given(self, store, change):
        """What was said of a board after it was chosen for a job counts; the job stays in the queue."""
        store.devices.add(NewDevice(DEVICE, "http://nano-1:8101"))
        job = store.jobs.add(SPEC).id
        store.devices.change(DEVICE, change)
        assert store.leases.start(job, DEVICE, 10) is None
        assert "queued" == store.jobs.get(job).state

    def test_a_board_that_was_removed_is_not_given(self, store):
        """A job cannot begin on a board that the lab forgot after it was chosen."""
        store.devices.add(NewDevice(DEVICE, "http://nano-1:8101"))
        store.devices.remove(DEVICE)
        assert store.leases.start(store.jobs.add(SPEC).id, DEVICE, 10) is None


class TestDevices:
    def test_carry_the_tags_of_lab_and_agent(self, store):
        """A board's tags are those the lab gave and those its agent found."""
        store.devices.add(NewDevice(DEVICE, "http://nano-1:8101/", ["desk"]))
        store.devices.answered(DEVICE, description())
        device = store.devices.get(DEVICE)
        assert (["desk", "x86_64"], "http://nano-1:8101", "online") == (device.tags, device.url, device.health)

    def test_are_registered_once(self, store):
        """A name is taken once."""
        store.devices.add(NewDevice(DEVICE, "http://nano-1:8101"))
        with pytest.raises(ConflictError, match="registered already"):
            store.devices.add(NewDevice(DEVICE, "http://nano-2:8101"))

    def test_in_maintenance_say_so(self, store):
        """Maintenance outranks what the agent says, and is taken back."""
        store.devices.add(NewDevice(DEVICE, "http://nano-1:8101"))
        store.devices.answered(DEVICE)
        store.devices.change(DEVICE, DeviceChange(maintenance=True))
        assert "maintenance" == store.devices.get(DEVICE).health
        store.devices.change(DEVICE, DeviceChange(maintenance=False))
        assert "online" == store.devices.get(DEVICE).health

    def test_that_are_held_cannot_be_removed(self, store, lease):
        """A board in use stays registered; afterwards it can go and its runs stay."""
        run = started(store, lease).run_id
        with pytest.raises(ConflictError, match=f"job {lease.job_id}"):
            store.devices.remove(DEVICE)
        store.leases.release(lease)
        store.devices.remove(DEVICE)
        assert DEVICE == store.runs.get(run).device


class TestResults:
    @pytest.fixture
    def filled(self, store, lease):
        for block in (1, 2):
            for variant in ("baseline", "filtered"):
                store.records.add(record(started(store, lease, variant, block)), lease)
        fill_results(store)
        return store

    @pytest.mark.parametrize(
        ("wanted", "count"),
        [
            ({"metric": "backward"}, 4),
            ({"metric": "backward", "method": "gradient_filter"}, 2),
            ({"metric": "backward", "variant": "baseline"}, 2),
            ({"metric": "backward", "model": "tiny_cnn", "device": DEVICE}, 4),
            ({"metric": "backward", "model": "resnet18"}, 0),
            ({"metric": "backward", "device": "another"}, 0),
            ({"metric": "backward", "since": "2026-01-01T00:00:00.000000Z"}, 4),
            ({"metric": "backward", "since": "2026-01-01T00:00:00.000001Z"}, 0),
            ({"metric": "backward", "job": "1"}, 4),
            ({"metric": "backward", "job": "2"}, 0),
        ],
    )
    def test_are_found_by_their_filters(self, filled, wanted, count):
        """Each filter narrows the results, alone and together."""
        found = list(filled.results.all(ResultFilter(**wanted)))
        assert count == len(found)
        assert {0.2} >= {row.value for row in found}

    def test_say_why_a_metric_is_missing(self, filled):
        """A metric that could not be measured is listed with its reason and without a number."""
        (energy, *_) = filled.results.all(ResultFilter(metric="energy_per_step"))
        assert (energy.value is None) == bool(energy.reason)

    def test_come_page_by_page(self, filled):
        """Following the cursors gives every result once."""
        found, cursor = [], None
        while True:
            page = filled.results.page(ResultFilter(), limit=5, cursor=cursor)
            found += page.items
            if (cursor := page.next) is None:
                break
        assert found == list(filled.results.all(ResultFilter()))
        assert len(found) == len({(row.run_id, row.metric, row.part) for row in found})

    def test_come_as_their_runs_ended(self, store, lease, clock):
        """A run that was started later and ended sooner comes first, and is found by the instant at which it ended."""
        slow, fast = started(store, lease, "baseline"), started(store, lease, "filtered")
        for run in (fast, slow):
            clock.step(1)
            store.records.add(record(run), lease)
        fill_results(store)
        assert [fast.run_id, slow.run_id] == [row.run_id for row in store.results.all(ResultFilter(metric="backward"))]
        late = ResultFilter(metric="backward", since=store.runs.get(slow.run_id).finished_at)
        assert [slow.run_id] == [row.run_id for row in store.results.all(late)]

    def test_are_filled_once_a_version(self, filled):
        """What this version has measured is not measured again."""
        assert [] == unmeasured_runs(filled)

    def test_of_failed_runs_are_left_out(self, store, lease):
        """Only finished runs have results; what a failed one measured stays in its record."""
        store.records.add(record(started(store, lease), "failed", "it broke"), lease)
        fill_results(store)
        assert [] == list(store.results.all(ResultFilter()))


def test_a_closed_attempt_takes_no_record(store, lease):
    """An attempt that ended without a record of its own stays as it ended."""
    spec = started(store, lease)
    with store.database.writing() as session:
        session.execute(update(Run).where(Run.id == spec.run_id).values(state="lost"))
    with pytest.raises(RunClosedError, match="lost"):
        store.records.add(record(spec), lease)
