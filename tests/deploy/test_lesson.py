"""The demo's closing table: every number comes from the comparisons."""

import io

from rich.console import Console

from deploy.lesson import Gains, gains, lesson


def variant(name, *parts):
    return {"variant": name, "parts": [{"part": str(index), "metrics": metrics} for index, metrics in enumerate(parts)]}


def speedup(value, low=None, high=None):
    return {"ratio": {"value": value, "low": low, "high": high}}


STEP = {
    "workload": {"kind": "training"},
    "baseline": "baseline",
    "variants": [
        variant("baseline", {"backward": {"ratio": None}}),
        variant("p2", {"backward": speedup(1.6, 1.5, 1.7), "step_time": speedup(1.25, 1.2, 1.3)}),
        variant("p4", {"backward": speedup(2.1), "step_time": {"ratio": None}}),
    ],
}
LAYER = {
    "workload": {"kind": "conv_layer"},
    "baseline": "baseline",
    "variants": [
        variant("baseline", {"backward": {"ratio": None}}),
        variant("p2", {"backward": speedup(3.25)}, {"backward": speedup(2.5)}, {"forward": speedup(1.0)}),
    ],
}


def printed(comparisons):
    console = Console(file=io.StringIO(), width=200)
    console.print(lesson(comparisons))
    return console.file.getvalue()


def test_gains_stand_side_by_side():
    """A layer's speed-ups are given as their range over the shapes, the network's with their interval."""
    expected = Gains("p2", "2.50× to 3.25×", "1.60× (1.50–1.70)", "1.25× (1.20–1.30)")
    assert expected == gains(STEP, LAYER)[0]


def test_what_was_not_measured_is_empty():
    """A variant that only one job had, and a ratio that is missing, give no number."""
    assert Gains("p4", "", "2.10×", "") == gains(STEP, LAYER)[1]


def test_the_lesson_names_what_is_unmeasured():
    """The table says so in words where a number is missing."""
    assert 2 == printed([LAYER, STEP]).count("unmeasured")


def test_one_job_alone_teaches_nothing():
    """Without both kinds of job there is no lesson."""
    assert "" == printed([STEP]).strip()
