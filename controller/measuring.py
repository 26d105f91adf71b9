"""Filling the results from the records: after every run, and at start for those of an older version."""

from importlib.metadata import version

import structlog

from controller.analysis.measurements import measure
from controller.store import Store

log = structlog.get_logger()


def measure_run(store: Store, run_id: str) -> None:
    """Fill in the results of one finished run; they are a cache, so that a defect here must not stop the job."""
    try:
        store.results.fill(run_id, measure(store.records.get(run_id)), _version())
    except Exception:
        log.exception("run_not_measured", run=run_id)


def unmeasured_runs(store: Store) -> list[str]:
    """Finished runs whose results another version made, or a crash left out."""
    return store.results.unmeasured(_version())


def _version() -> str:
    """The release whose measures fill the results."""
    return version("gradfilter-bench")
