"""Making results from records: as a record is stored, and at start for those of an older version."""

from functools import cache
from importlib.metadata import version

import structlog

from controller.analysis.measurements import measure
from controller.store import Lease, Measured, NewRecord, Store
from gradfilter.bench.schema import RunRecord

log = structlog.get_logger()


def measured(record: RunRecord) -> Measured | None:
    """What a finished run measured, to be stored with its record; None where there is nothing to compare.

    Results are a cache, so that a defect here must not keep a record from being stored; they are then made at the next
    start.
    """
    if record.spec.purpose != "measure" or record.state != "finished":
        return None
    try:
        return Measured(measure(record), _version())
    except Exception:
        log.exception("run_not_measured", run=record.spec.run_id)
        return None


def new_record(record: RunRecord, lease: Lease, void: str) -> NewRecord:
    """A record as it is stored, with what it measured; void: why it does not count, '' where it does."""
    return NewRecord.of(record, lease, None if void else measured(record), void)


def measure_run(store: Store, run_id: str) -> None:
    """Make the results of one stored run anew; one that cannot be read must not end those after it."""
    try:
        if (found := measured(store.records.get(run_id))) is not None:
            store.results.fill(run_id, found)
    except Exception:
        log.exception("run_not_measured", run=run_id)


def unmeasured_runs(store: Store) -> list[str]:
    """Finished runs whose results another version made, or a crash left out."""
    return store.results.unmeasured(_version())


@cache
def _version() -> str:
    """The release whose measures fill the results."""
    return version("gradfilter-bench")
