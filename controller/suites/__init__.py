"""Named sets of jobs: what a publication measured, to be measured again on a board, and a quick check of everything.

A suite is a data file beside this one; its jobs are ordinary jobs that lack only their board.
"""

from controller.suites.catalogue import Suite, SuiteError, SuiteJob, load_suite, read_suite, suite_names
from controller.suites.submission import Changes, job_for_board

__all__ = ["Changes", "Suite", "SuiteError", "SuiteJob", "job_for_board", "load_suite", "read_suite", "suite_names"]
