"""What the boards do at this moment: traces that grow, and watchers who are told."""

import asyncio

from controller.live import MOST_POINTS, Live
from gradfilter.bench.schema import Trace


def trace(*times_s):
    return Trace(*([float(at) for at in times_s] for _ in range(4)))


def on_a_loop(act):
    """Call with a Live on a loop of its own."""

    async def run():
        return act(Live())

    return asyncio.run(run())


def test_a_trace_grows_and_wakes_watchers():
    """What is new is put behind what is known; a look that found nothing new wakes nobody."""

    def act(live):
        live.add_trace("1", trace(1, 2))
        with live.watch("1") as changed:
            live.add_trace("1", trace())
            before = changed.is_set()
            live.add_trace("1", trace(3))
            return before, changed.is_set(), live.trace("1"), live.seen_until_s("1")

    assert (False, True, trace(1, 2, 3), 3.0) == on_a_loop(act)


def test_a_trace_keeps_the_last_points():
    """A long job's trace does not grow for ever."""

    def act(live):
        live.add_trace("1", trace(*range(MOST_POINTS + 5)))
        return live.trace("1").times_s

    assert list(range(5, MOST_POINTS + 5)) == on_a_loop(act)


def test_a_clock_that_begins_anew_begins_the_trace_anew():
    """After a reboot of the board instants are small again."""

    def act(live):
        live.add_trace("1", trace(1000, 1001))
        live.add_trace("1", trace(3))
        return live.trace("1")

    assert trace(3) == on_a_loop(act)


def test_a_job_off_its_board_has_no_trace():
    """The trace is of a board at work."""

    def act(live):
        live.add_trace("1", trace(1))
        live.forget("1")
        return live.trace("1"), live.seen_until_s("1")

    assert (Trace(), -1.0) == on_a_loop(act)
