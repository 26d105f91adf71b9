"""The same job on several boards, in every form of the report."""

import io
import re
from dataclasses import replace

import pandas as pd
import pytest

from controller.analysis.across_devices import across_devices
from controller.analysis.comparison import compare
from controller.analysis.metrics import METRICS
from controller.report.across import across_table
from tests.controller.records import training_job, whole_job
from tests.controller.report.comparisons import TIMES, rendered


@pytest.mark.parametrize("name", ["html", "md", "txt"])
def test_boards_stand_beside_each_other(name):
    """Each board's ratio, the one over boards, what is metered, and what a board still lacks."""
    text = " ".join(re.sub(r"<[^>]+>", " ", rendered("on_three_boards", name)).replace("\\", "").split())
    for words in (
        "The same job on 3 boards",
        "over 2 boards (95% interval)",
        "a 95% interval over boards" if name != "txt" else "nano-8",
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


def test_each_interval_stands_with_its_own_level():
    """The boards' means are of a job that looks twice, the effect over boards is looked at once; counts have none."""
    job = training_job(until=0.02, repetitions=16)
    found = [compare(job, whole_job(job, TIMES), job_id=name, device=name) for name in ("a", "b")]
    table = across_table(replace(found[0], across=across_devices(found)))
    over = {group.title.partition(" [")[0]: group.rows[-1].cells[0] for group in table.groups if group.rows}
    assert "mean over runs (97.5% interval)" == table.columns[2]
    assert "over 2 boards" == over[METRICS["saved_activation_bytes"].title]
