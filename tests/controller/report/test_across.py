"""The same job on several boards, in every form of the report."""

import io
import re

import pandas as pd
import pytest

from tests.controller.report.comparisons import rendered


@pytest.mark.parametrize("name", ["html", "md", "txt"])
def test_boards_stand_beside_each_other(name):
    """Each board's ratio, the one over boards, what is metered, and what a board still lacks."""
    text = " ".join(re.sub(r"<[^>]+>", " ", rendered("on_three_boards", name)).replace("\\", "").split())
    for words in (
        "The same job on 3 boards",
        "over 2 boards",
        "energy per step [J], of board_input",
        "energy per step [J], of package",
        "nano-2, job 9: no run has finished yet",
        "n counts boards, not runs" if name != "txt" else "nano-8",
    ):
        assert words in text


def test_csv_has_a_line_of_its_own_over_boards():
    """It belongs to both jobs, and to both boards; the other board's lines are there once."""
    table = pd.read_csv(io.StringIO(rendered("on_three_boards", "csv")))
    backward = table[(table["metric"] == "backward") & (table["variant"] == "filtered")].set_index("device")
    over = backward.loc["nano-7 nano-8"]
    assert (["nano-7", "nano-8", "nano-2", over.name], 2) == (list(backward.index), over["ratio_n"])
