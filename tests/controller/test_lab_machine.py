"""Scheduler and store under any sequence of events: two controllers, jumping clocks, lost leases, full disks, restarts.

at most one lease per device · each run recorded at most once · finished is final · cancelled stays cancelled
"""

import functools
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from controller import plan
from controller.errors import ConflictError, RunClosedError, StaleLeaseError
from controller.jobs import FINAL_JOB_STATES, NewDevice
from controller.seating import seats
from controller.store import Planned, Store
from tests.controller.clocks import SteppedClock
from tests.controller.databases import sqlite_url
from tests.controller.samples import record
from tests.controller.stored import SPEC, any_board

LEASE_S = 10
BOARDS = ("a", "b")
CONTROLLERS = (0, 1)
controllers = st.sampled_from(CONTROLLERS)
numbers = st.integers(min_value=0, max_value=5)


def unless_full(step):
    """A step that changes nothing at all where the disk has no room for it."""

    @functools.wraps(step)
    def attempt(self, **drawn):
        try:
            step(self, **drawn)
        except OperationalError as error:
            assert "disk is full" in str(error)  # noqa: PT017 - mostly there is no error

    return attempt


class Laboratory(RuleBasedStateMachine):
    """What controllers do to the store, in any order, each on what it knows, however old that is."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = SteppedClock()
        self.stores = [self.new_store() for _ in CONTROLLERS]
        self.store.database.migrate()
        for board in BOARDS:
            self.store.devices.add(NewDevice(board, f"http://{board}:1"))
            self.store.devices.answered(board)
        self.leases = []  # (controller, lease), given back or not, stale or not
        self.orders = []  # (lease, what the board was told)
        self.final = {}  # job → the final state that it was seen in
        self.records = {}  # run → the record that was stored

    def new_store(self):
        return Store(sqlite_url(self.folder), clock=self.clock, monotonic=self.clock.monotonic)

    @property
    def store(self):
        return self.stores[0]

    def teardown(self):
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------------ users

    @rule(by_name=st.booleans())
    @unless_full
    def submit(self, by_name):
        self.store.jobs.add(SPEC if by_name else any_board(SPEC))

    @rule(number=numbers)
    @unless_full
    def cancel(self, number):
        jobs = self.jobs()
        if jobs:
            job = jobs[number % len(jobs)]
            if job.state in ("finished", "failed"):
                with pytest.raises(ConflictError):
                    self.store.jobs.cancel(job.id)
            else:
                self.store.jobs.cancel(job.id)

    # ------------------------------------------------------------------ controllers

    @rule(controller=controllers)
    @unless_full
    def serve_the_queue(self, controller):
        store = self.stores[controller]
        for job, board in seats(store, store.jobs.queued()).items():
            self.keep(controller, store.leases.start(job, board, LEASE_S))

    @rule(controller=controllers)
    @unless_full
    def take_up_open_jobs(self, controller):
        store = self.stores[controller]
        boards = store.jobs.open()
        free = store.leases.within_reach(set(boards.values()))
        for job, board in boards.items():
            lease = store.leases.take_up(job, board, LEASE_S)
            assert lease is None or board in free
            self.keep(controller, lease)

    @precondition(lambda self: self.leases)
    @rule(number=numbers, seed=st.sampled_from(["baseline", "filtered"]))
    @unless_full
    def start_a_run(self, number, seed):
        store, lease = self.held(number)
        try:
            run = store.runs.start(Planned("measure", seed, 1, 0, 7), lease)
        except StaleLeaseError:
            assert not self.is_newest(lease)
        else:
            assert self.is_newest(lease)
            self.orders.append((lease, plan.run_spec(SPEC, run)))

    @precondition(lambda self: self.orders)
    @rule(number=numbers, state=st.sampled_from(["finished", "failed", "lost"]), under=numbers)
    @unless_full
    def store_a_record(self, number, state, under):
        """Of any run, also one that was stored long ago, under any lease on its board, also a stale one."""
        first, spec = self.orders[number % len(self.orders)]
        on_board = [lease for _, lease in self.leases if (lease.device, lease.job_id) == (first.device, first.job_id)]
        lease, measured = on_board[under % len(on_board)], record(spec, state)
        try:
            is_new = self.store.records.add(measured, lease)
        except (StaleLeaseError, RunClosedError):
            return
        if is_new:
            assert spec.run_id not in self.records
            assert self.is_newest(lease)
            self.records[spec.run_id] = measured

    @precondition(lambda self: self.leases)
    @rule(number=numbers, state=st.sampled_from(["finished", "failed"]))
    @unless_full
    def end_the_job(self, number, state):
        store, lease = self.held(number)
        try:
            store.jobs.end(lease.job_id, state, "", lease)
        except StaleLeaseError:
            assert not self.is_newest(lease)

    @precondition(lambda self: self.leases)
    @rule(number=numbers)
    @unless_full
    def renew(self, number):
        store, lease = self.held(number)
        try:
            store.leases.renew(lease)
        except StaleLeaseError:
            assert not self.is_newest(lease)

    @precondition(lambda self: self.leases)
    @rule(number=numbers)
    @unless_full
    def give_back(self, number):
        store, lease = self.held(number)
        store.leases.release(lease)

    @rule(controller=controllers)
    def is_started_anew(self, controller):
        """What the one before it was about to do under its leases may still happen."""
        self.stores[controller].close()
        self.stores[controller] = self.new_store()

    @rule(controller=controllers, is_full=st.booleans())
    def the_disk_is_full(self, controller, is_full):
        """A database may have no more pages than it has now, for this controller, or as many as it likes."""
        with self.stores[controller].database.reading() as session:
            session.execute(text(f"PRAGMA max_page_count = {1 if is_full else 1 << 30}"))

    # ------------------------------------------------------------------ time

    @rule(seconds=st.sampled_from([1, 6, 11]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-3600, 3600]))
    def the_clock_is_set_anew(self, seconds):
        self.clock.step(seconds)

    # ------------------------------------------------------------------ what holds

    @invariant()
    def a_board_works_for_one_job(self):
        running = [job.device for job in self.jobs() if job.state == "running"]
        assert len(running) == len(set(running))

    @invariant()
    def what_has_ended_stays_as_it_is(self):
        for job in self.jobs():
            assert self.final.get(job.id, job.state) == job.state
            if job.state in FINAL_JOB_STATES:
                self.final[job.id] = job.state

    @invariant()
    def a_record_is_written_once(self):
        for run_id, measured in self.records.items():
            assert measured == self.store.records.get(run_id)

    def jobs(self):
        return self.store.jobs.page(state=None, device=None, model=None, limit=1000, cursor=None).items

    def keep(self, controller, lease):
        if lease is not None:
            assert self.is_newest(lease)
            self.leases.append((controller, lease))

    def held(self, number):
        controller, lease = self.leases[-1 - number % len(self.leases)]
        return self.stores[controller], lease

    def is_newest(self, lease):
        return lease.token == max(
            other.token for _, other in [*self.leases, (0, lease)] if other.device == lease.device
        )


def examine(examples, steps):
    run_state_machine_as_test(
        Laboratory,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=os.environ.get("CI") == "true",
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_few_sequences():
    """A small sample of all sequences keeps the promises."""
    examine(8, 25)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_many_sequences():
    """So do many and long ones."""
    examine(150, 60)
