"""A seeded sample of `make load`: few boards, short runs, the same program."""

import pytest

from tests.load.busy_boards import Load, keep_busy
from tests.load.controllers import Controller

pytestmark = pytest.mark.system


def test_nothing_that_busy_boards_measure_is_lost_or_stored_twice(tmp_path):
    """Twelve boards that are never idle for long do four runs each: every one is stored, each once."""
    load = Load(agents=12, runs=4, run_s=0.5, patience_s=100)
    outcome = keep_busy(load, [Controller(tmp_path, lease_s=60, device_poll_s=60)])
    assert {"finished": 12} == outcome.jobs
    assert (48, 48, 0) == (outcome.finished, outcome.distinct, outcome.made_in_vain)
    assert 48 == len(outcome.idle_s)
