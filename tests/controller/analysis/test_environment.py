"""What runs must have in common: every row of docs/environment.md, recorded, compared, and named where it differs."""

import re
from pathlib import Path

import pytest

from controller.analysis.comparison import compare
from controller.analysis.environment import MUST_AGREE, conditions, differences
from controller.analysis.signs import SIGNS
from gradfilter.bench.schema import VoidIf
from tests.controller.records import finished, training_job, whole_job

ROOT = Path(__file__).parents[3]
ROWS = dict(
    re.findall(r"^\| ([^|]+?) \| [^|]+ \| ([^|]+?) \|$", (ROOT / "docs/environment.md").read_text(), re.MULTILINE)
)
RECORDERS = [ROOT / "gradfilter/bench/environment.py", ROOT / "agent/execution.py"]


@pytest.mark.parametrize(("key", "words"), MUST_AGREE.items())
class TestConditions:
    def test_a_run_that_differs_is_not_compared(self, key, words):
        """One pair fewer, and the concern names the condition with both values."""
        job = training_job()
        records = whole_job(job, {"baseline": 0.06, "filtered": 0.03})
        for record in records:
            record.environment[key] = "usual"
        records[-1].environment[key] = "other"
        found = compare(job, records)
        assert 2 == found.variants[1].parts[0].metrics["step_time"].ratio.n
        (concern,) = (one for one in found.concerns if one.code == "different_environment")
        assert f"{words} other instead of usual" in concern.message

    def test_it_is_recorded(self, key, words):
        """Worker or agent writes it down with every run."""
        assert any(f'"{key}":' in recorder.read_text() for recorder in RECORDERS), words

    def test_the_documentation_says_so(self, key, words):
        """The table has the condition, under the name that the concern gives it."""
        assert "not compared" in ROWS[words], key


def test_concerns_and_void_causes_of_the_documentation_exist():
    """Every word in code letters of the table's last column is a concern's code or a cause that a job can declare."""
    named = {word for text in ROWS.values() for word in re.findall(r"`(\w+)`", text)}
    source = "".join((ROOT / "controller/analysis/concerns.py").read_text().split())
    known = {sign.code for sign in SIGNS} | set(vars(VoidIf())) | set(re.findall(r'Concern\("(\w+)"', source))
    assert named <= known


def test_a_long_value_is_named_by_what_is_apart():
    """torch describes its build in two thousand letters: the words that the other has not are enough."""
    built, other = (f"PyTorch built with: {'flag ' * 60}BLAS_INFO={blas}" for blas in ("mkl", "open"))
    records = [finished(training_job(), "baseline", block) for block in (1, 2)]
    for record, text in zip(records, (built, other), strict=True):
        record.environment["torch_config"] = text
    found = differences(*(conditions(record) for record in records))
    assert ["torch's build BLAS_INFO=mkl instead of BLAS_INFO=open"] == found
