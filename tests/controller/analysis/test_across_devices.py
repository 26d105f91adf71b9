"""The same job on several boards: their own ratios, one over them all, and only what the same kind of meter covers."""

from math import exp, log, sqrt

import pytest

from controller.analysis.across_devices import across_devices
from controller.analysis.comparison import compare
from tests.controller.records import power, training_job, whole_job


def job_on(device, number, speed_up, covers="", repetitions=3):
    """What a board finds on which the filtered backward pass takes a share of the baseline's time."""
    job = training_job(repetitions=repetitions)
    records = whole_job(job, {"baseline": 0.06, "filtered": 0.06 / speed_up})
    for record in records:
        record.series = [power(lambda t: 5 + t % 1, covers=covers)] if covers else []
    return compare(job, records, job_id=str(number), device=device)


def effects(comparisons, metric, variant="filtered"):
    found = across_devices(comparisons).effects
    return [e for e in found if (e.variant, e.boards[0].value.metric) == (variant, metric)]


def test_every_board_counts_once():
    """Boards that gain 2 and 8 times gain 4 times over both, with Student's interval of two logarithms."""
    boards = [job_on("nano-1", 1, 2.0), job_on("pi-5", 2, 8.0, repetitions=7)]
    (found,) = effects(boards, "backward")
    own = [board.value.ratio.value for board in found.boards]
    half = 12.706204736 * abs(log(own[0] / own[1])) / 2
    ratio = found.over_boards.ratio
    assert (pytest.approx(sqrt(own[0] * own[1])), 2, False) == (ratio.value, ratio.n, found.over_boards.clear)
    assert pytest.approx(ratio.value * exp(half)) == ratio.high


def test_boards_keep_their_own_values():
    """Each board's mean and ratio are those of its own report, by its name and job."""
    boards = [job_on("nano-1", 1, 2.0), job_on("pi-5", 2, 8.0)]
    (found,) = effects(boards, "backward")
    expected = [("nano-1", "1"), ("pi-5", "2")]
    assert expected == [(board.device, board.job_id) for board in found.boards]
    assert [one.variants[1].parts[0].metrics["backward"] for one in boards] == [b.value for b in found.boards]


def test_energy_stands_beside_energy_of_the_same_meters_only():
    """Two boards whose input is metered stand together, the one whose package is metered for itself."""
    boards = [job_on("a", 1, 2.0, "board_input"), job_on("b", 2, 2.0, "package"), job_on("c", 3, 2.0, "board_input")]
    found = effects(boards, "energy_per_step")
    assert [["a", "c"], ["b"]] == [[board.device for board in one.boards] for one in found]
    assert (2, None) == (found[0].over_boards.ratio.n, found[1].over_boards)


def test_counts_that_agree_are_exact():
    """Saved bytes that fall to a quarter on every board fall to exactly that over boards."""
    (found,) = effects([job_on("a", 1, 2.0), job_on("b", 2, 3.0)], "saved_activation_bytes")
    assert (0.25, True) == (pytest.approx(found.over_boards.ratio.value), found.over_boards.ratio.exact)


def test_scores_are_averaged_as_differences():
    """Equal scores on both boards are a difference of nothing."""
    (found,) = effects([job_on("a", 1, 2.0), job_on("b", 2, 3.0)], "test_accuracy")
    assert (0.0, None) == (pytest.approx(found.over_boards.difference.value), found.over_boards.ratio)


def test_one_board_has_no_effect_over_boards():
    """The baseline has none either."""
    both = [job_on("a", 1, 2.0), job_on("b", 2, 3.0)]
    assert [None] == [one.over_boards for one in effects(both[:1], "backward")]
    assert [None] == [one.over_boards for one in effects(both, "backward", "baseline")]
