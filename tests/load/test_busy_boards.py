"""A seeded sample of `make load`: few boards, short runs, the same program."""

import pytest

from tests.load.busy_boards import Load, Outcome, keep_busy
from tests.load.controllers import Controller
from tests.load.two_controllers import share
from tests.postgresql import PostgreSQL

pytestmark = pytest.mark.system


def test_nothing_that_busy_boards_measure_is_lost_or_stored_twice(tmp_path):
    """Twelve boards that are never idle for long do four runs each: every one is stored, each once."""
    load = Load(agents=12, runs=4, run_s=0.5, patience_s=100)
    outcome = keep_busy(load, [Controller(tmp_path, lease_s=60, device_poll_s=60)])
    assert {"finished": 12} == outcome.jobs
    assert (48, 48, 0) == (outcome.finished, outcome.distinct, outcome.made_in_vain)
    assert 48 == len(outcome.idle_s)


@pytest.mark.long
def test_nothing_is_lost_when_one_of_two_controllers_is_killed_half_way(tmp_path):
    """The other one takes its boards over once the leases have run out: every run is stored, each once."""
    load = Load(agents=8, runs=6, run_s=1.0, patience_s=150)
    with PostgreSQL(is_durable=True) as server:
        outcome = share(load, tmp_path, server.new_database())
    assert outcome.was_half_way
    assert {"finished": 8} == outcome.jobs
    assert (48, 48) == (outcome.finished, outcome.distinct)


def test_a_load_that_was_cut_short_says_how_much_it_saw():
    """Of fewer than two waits there is no median; the rows are there all the same."""
    load = Load(agents=8, runs=6, run_s=1.0, patience_s=1)
    outcome = Outcome(0, 0, 0, 0, {}, [0.5], 0, 0.0, 0.0, 1.0, was_half_way=False)
    assert "1 seen" in [row.value for row in outcome.rows(load)]


def test_a_controller_that_crashes_is_named_and_cleared_away(tmp_path):
    """What went wrong is what is raised, not that the kernel keeps nothing of it."""
    with Controller(tmp_path) as controller:
        controller.service.process.kill()
        controller.service.process.wait()
        with pytest.raises(AssertionError, match="a controller ended with -9"):
            controller.usage()
    assert controller.service.process is None
