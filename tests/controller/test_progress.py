"""A watched job in words: one line a change in a file, a bar on a terminal."""

import io

import pytest
from rich.console import Console

from controller.client.progress import clock, describe, show_progress
from controller.jobs import RunningNow
from tests.controller.fake_controller import MEASURING, job


def shown(views, *, terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    last = show_progress(views, console)
    return console.file.getvalue(), last


class TestDescribe:
    def test_a_run(self):
        """A run is named by variant, block, phase and step, with the time left."""
        view = job(running=MEASURING, seconds_left=80.2)
        assert "filtered · block 2 · warm-up · step 3 of 35 · about 1:20 left" == describe(view)

    def test_a_run_whose_board_is_away(self):
        """A run on a board that does not answer shows both."""
        view = job(running=RunningNow(**{**vars(MEASURING), "total": 0}), waiting_for="nano-1 to answer")
        assert "filtered · block 2 · warm-up · waiting for nano-1 to answer" == describe(view)

    def test_a_preparation(self):
        """A preparation has no variant and no block."""
        running = RunningNow("p", "prepare", "", 0, "running", "prepare", 10, 120)
        assert "preparation · prepare · step 10 of 120" == describe(job(running=running))

    @pytest.mark.parametrize(
        ("view", "text"),
        [
            (job("queued", waiting_for="device 'nano-1'"), "queued · waiting for device 'nano-1'"),
            (job(waiting_for="nano-1 to answer"), "waiting for nano-1 to answer"),
            (job(), "between two runs"),
            (job(done=0), "starting"),
            (job("failed", reason="out of memory"), "failed: out of memory"),
            (job("finished"), "finished"),
        ],
    )
    def test_no_run(self, view, text):
        """Without a run the line says what is waited for, or how the job ended."""
        assert text == describe(view)


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0:00"), (7.4, "0:07"), (80, "1:20"), (7380, "2:03:00")])
def test_clock(seconds, text):
    """Durations read as minutes and seconds, with hours from the first on."""
    assert text == clock(seconds)


class TestShow:
    def test_lines_where_there_is_no_terminal(self):
        """In a file a line appears when the run or its phase changes, and none for a step or a pause."""
        step = RunningNow(**{**vars(MEASURING), "done": 4})
        later = RunningNow(**{**vars(MEASURING), "phase": "measured"})
        text, _ = shown([job(running=now) for now in (MEASURING, step, None, later)], terminal=False)
        assert ["warm-up", "measured"] == [line.split(" · ")[4] for line in text.splitlines()]
        assert "job 7 · run 3 of 6 · filtered · block 2" in text

    def test_a_bar_on_a_terminal(self):
        """On a terminal a bar counts the runs, and the last view is returned."""
        text, last = shown([job(running=MEASURING), job("finished", done=6)], terminal=True)
        assert "6/6" in text
        assert "finished" == last.state

    def test_markup_in_names_is_text(self):
        """A name with brackets is shown as it is."""
        running = RunningNow(**{**vars(MEASURING), "variant": "[bold]x[/]"})
        text, _ = shown([job(running=running)], terminal=True)
        assert "[bold]x[/]" in text

    def test_nothing_to_show(self):
        """A job without a single view is an error."""
        with pytest.raises(ValueError, match="no progress to show"):
            shown([], terminal=False)
