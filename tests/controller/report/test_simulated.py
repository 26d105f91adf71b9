"""A report on a simulated array: sums over layers, marked as simulated, and no measured number beside them."""

from dataclasses import replace

import pytest

from controller.analysis.comparison import compare
from controller.report import FORMATS
from controller.report.simulated import simulated_tables
from gradfilter.bench.schema import SYSTOLIC_PARTS, Outcome, SimulatedLayer, SystolicWorkload
from tests.controller.records import finished, training_job


def layers(scale):
    return [
        SimulatedLayer(name, part, scale * cycles, 10, 300, 200, 1e-6, 0.5)
        for part in SYSTOLIC_PARTS
        for name, cycles in (("conv1", 1000), ("conv2", 500))
    ]


@pytest.fixture(scope="module")
def comparison():
    """Two variants of which one takes half of the other's cycles, at 500 MHz."""
    job = training_job(workload=SystolicWorkload("systolic", model="tiny_cnn"), repetitions=1)
    records = [
        replace(finished(job, name, 1), steps=[], phases=[], outcome=Outcome(simulated=layers(scale)))
        for name, scale in (("baseline", 2), ("filtered", 1))
    ]
    return compare(job, records, job_id="7", device="nano-1")


def test_every_number_is_simulated(comparison):
    """Cycles, words and energy are sums over the layers; seconds are cycles at the clock; kinds say simulated."""
    assert list(SYSTOLIC_PARTS) == [part.part for part in comparison.variants[0].parts]
    metrics = comparison.variants[0].parts[0].metrics
    assert {"simulated"} == {value.kind for part in comparison.variants[0].parts for value in part.metrics.values()}
    assert [3000, 3000 / 500e6, 1000, 2e-6] == pytest.approx([value.estimate.value for value in metrics.values()])
    assert 2 == comparison.variants[1].parts[0].metrics["simulated_cycles"].ratio.value
    assert "simulated, not measured: backward pass 2.00× faster" in comparison.headline


def test_schedules_stand_beside_the_interleaved_one():
    """Whatever else computes the backward pass, as multiples of it; here a third more cycles, and as many words."""
    job = training_job(workload=SystolicWorkload("systolic", model="tiny_cnn"), repetitions=1)
    slower = [replace(one, cycles=one.cycles * 4 // 3) if one.part == "backward os+os" else one for one in layers(3)]
    record = replace(finished(job, "baseline", 1), steps=[], phases=[], outcome=Outcome(simulated=slower))
    _, table = simulated_tables(compare(job, [record], job_id="7", device="nano-1"))
    found = {row.label: row.cells for row in table.groups[0].rows}
    assert {"backward ws+os", "backward ws+ws", "backward os+os", "backward best_of"} == set(found)
    assert ("1.333×", "1.000×", "1.000×", "exact") == found["backward os+os"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_that_nothing_was_measured(form, comparison):
    """Each is made, with the schedules by name, and no time or energy of a step is missed as unmeasured."""
    text = FORMATS[form].render(comparison)
    assert "backward intergrad" in text
    assert "simulated" in text
    assert "energy per step" not in text
    assert "not measured" in text or form in {"csv", "json"}
