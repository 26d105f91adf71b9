"""The store: every statement that touches the database, one file per subject.

Blocking; call it from a thread, never from the event loop. What comes out are plain values, never rows.
"""

import time
from collections.abc import Callable

from controller.instants import Clock, utc_now
from controller.store.artefacts import Artefacts, NewArtefact
from controller.store.controls import Controls
from controller.store.counts import Counts
from controller.store.database import Database
from controller.store.devices import Devices
from controller.store.job_results import JobResults, JobValues
from controller.store.jobs import Jobs, NewJobs, StoredJob
from controller.store.leases import Lease, Leases
from controller.store.letters import Letters
from controller.store.marks import Marks
from controller.store.records import NewRecord, Records
from controller.store.results import Measured, ResultFilter, Results
from controller.store.retention import Policy, Retention
from controller.store.runs import Planned, Runs
from controller.store.tokens import Tokens
from gradfilter.bench.schema import RunRecord

__all__ = [
    "JobValues",
    "Lease",
    "Measured",
    "NewArtefact",
    "NewJobs",
    "NewRecord",
    "Planned",
    "Policy",
    "ResultFilter",
    "Store",
    "StoredJob",
]


class Store:
    """All of the store over one database. on_record is told of every record that is stored."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        on_record: Callable[[RunRecord], None] | None = None,
    ) -> None:
        self.database = Database(url)
        self.devices = Devices(self.database, clock)
        self.leases = Leases(self.database, clock, monotonic)
        self.jobs = Jobs(self.database, clock)
        self.runs = Runs(self.database, clock)
        self.records = Records(self.database, clock, on_record)
        self.results = Results(self.database)
        self.controls = Controls(self.database)
        self.retention = Retention(self.database, clock)
        self.letters = Letters(self.database, clock)
        self.marks = Marks(self.database, clock)
        self.tokens = Tokens(self.database, clock)
        self.counts = Counts(self.database, clock)
        self.job_results = JobResults(self.database)
        self.artefacts = Artefacts(self.database)

    def close(self) -> None:
        """Close the database's connections."""
        self.database.close()
