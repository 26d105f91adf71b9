"""The pages across jobs on a real store: filters, two side by side, history."""

import re

import pytest

from tests.controller.fake_agent import FakeAgent
from tests.controller.lab import Lab
from tests.controller.samples import DEVICE, record
from tests.controller.serving import wait_for


class Slower(FakeAgent):
    """An agent whose filtered runs take half as long, and whose torch is new in the third job."""

    def end(self, run_id, outcome="finished"):
        spec = self.active.pop(run_id)
        ended = record(spec, outcome)
        factor = (0.5 if spec.variants[0].methods else 1.0) * (1 + 0.01 * spec.block)
        for step in ended.steps:
            step.forward_s, step.backward_s, step.optimizer_s = 0.1 * factor, 0.2 * factor, 0.05 * factor
        ended.environment = {"torch": "2.14" if spec.job_id == "3" else "2.13"}
        self.records[run_id] = ended


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Three jobs of two blocks; the second with another batch size."""
    with Slower() as agent, Lab(tmp_path_factory.mktemp("lab"), agent) as started:
        for batch in (4, 8, 4):
            workload = {"kind": "training", "model": "tiny_cnn", "batch_size": batch, "measured_steps": 2}
            started.end_of(started.submit(repetitions=2, workload=workload))
        wait_for("all results", lambda: len(started.get("/v1/results?metric=backward")["items"]) == 12 or None)
        yield started


def page(lab, path):
    response = lab.request("GET", path)
    return response.status_code, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text)), response.text


def test_results_show_every_variant_against_its_baseline(lab):
    """The newest job comes first; a variant has its mean and its ratio, the baseline only its mean."""
    status, words, html = page(lab, "/results?metric=backward")
    assert 200 == status
    table, _, _ = html.partition("Quality against cost")
    assert ["3", "3", "2", "2", "1", "1"] == re.findall(r'href="/jobs/(\d+)"', table)
    assert 3 == words.count("2.00× faster")
    assert "203 " in words


def test_results_draw_quality_against_cost(lab):
    """Of equal scores the fastest is efficient; a metric that is no cost is drawn against step time."""
    status, words, html = page(lab, "/results?metric=test_accuracy")
    assert 200 == status
    assert "test accuracy [%] against step time [ms], on digits" in words
    assert re.search(r"filtered, job \d on", words)
    assert 6 == html.count("<circle")


def test_filters_narrow(lab):
    """A filter that matches nothing says so, with a way on; the others keep what was chosen."""
    assert 2 == page(lab, f"/results?device={DEVICE}&method=gradient_filter&model=tiny_cnn")[2].count('value="3:')
    assert "No finished run matches" in page(lab, "/results?variant=other")[1]
    assert "No finished run matches" in page(lab, "/results?since=2100-01-01")[1]
    assert 422 == page(lab, "/results?since=yesterday")[0]
    assert '<option value="backward" selected>' in page(lab, "/results?metric=backward")[2]


def test_two_variants_of_a_job_are_pairs(lab):
    """Within a job the ratio is the report's own."""
    status, words, _ = page(lab, "/compare?pick=1:baseline&pick=1:filtered")
    assert 200 == status
    assert "filtered, job 1 against baseline, job 1" in words
    assert "pairs within blocks" in words
    assert "2.00× faster" in words


def test_two_jobs_are_compared_with_what_differs(lab):
    """Between jobs the interval is Welch's, and a workload that differs is named."""
    words = page(lab, "/compare?pick=2:filtered&pick=1:filtered")[1]
    assert "Welch" in words
    assert "batch_size 8 and 4" in words
    assert "Not compared" not in words


def test_what_must_be_equal_is_not_compared(lab):
    """Runs with another torch stand beside each other without a ratio, and the difference is named."""
    words = page(lab, "/compare?pick=3:filtered&pick=1:filtered")[1]
    assert "torch version 2.14 instead of 2.13" in words
    assert "faster" not in words


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("pick=1:baseline", 422), ("pick=1:baseline&pick=1:other", 404), ("pick=1:baseline&pick=9:x", 404)],
)
def test_nothing_to_compare_is_said(lab, query, status):
    """One, or what does not exist, cannot be compared."""
    assert status == page(lab, f"/compare?{query}")[0]


def test_history_has_a_point_a_job(lab):
    """A variant's means over the jobs, oldest to the left."""
    _, _, html = page(lab, "/history?metric=backward&variant=filtered")
    assert 3 == html.count("<circle")
    assert ["3", "2", "1"] == re.findall(r'href="/jobs/(\d+)"', html)
    assert "in 3 jobs" in html


def test_history_says_when_the_device_was_marked(lab):
    """A mark after the first job is told; without controls the page says what a change needs to be seen."""
    lab.request("POST", f"/v1/devices/{DEVICE}/marks", json={"what": "a new fan"})
    _, words, _ = page(lab, "/history?metric=backward&variant=filtered")
    assert "Marked: a new fan. The history begins anew." in words
    assert "Changes of backward in training on cpu are not looked for" in words


def test_an_empty_lab_has_these_pages(tmp_path):
    """Without a job the pages say what makes one."""
    with FakeAgent() as agent, Lab(tmp_path, agent) as empty:
        assert "No finished run matches" in page(empty, "/results")[1]
        assert "Nothing has been measured" in page(empty, "/history")[1]


def test_equal_counts_are_no_matter_of_doubt(lab):
    """Bytes that are the same in every run are not called unclear."""
    _, words, _ = page(lab, "/compare?pick=1:filtered&pick=1:baseline")
    row = re.search(r"saved activations \[kB\](.*?)peak RSS", words).group(1)
    assert ["1.00", "1.00", "1.00×"] == row.split()
