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


def measure_what_is_missing(store: Store) -> None:
    """Fill in the results that another version made, or that a crash left out."""
    missing = store.results.unmeasured(_version())
    for run_id in missing:
        measure_run(store, run_id)
    if missing:
        log.info("results_filled", runs=len(missing))


def _version() -> str:
    """The release whose measures fill the results."""
    return version("gradfilter-bench")
