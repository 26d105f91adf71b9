"""What a job gets where it says nothing of its design, and the temperature that its runs are to start at."""

from gradfilter.bench.schema import Gate, VoidIf
from tests.controller.samples import record


def at_temperatures(*degrees):
    """Records of measured runs that started at these temperatures, one after another."""
    left = list(degrees)

    def reports(spec, state="finished", failure=""):
        made = record(spec, state, failure)
        if spec.purpose == "measure":
            made.environment["gate"] = {"start_c": left.pop(0), "around_c": None, "waited_s": 0.0, "passed": True}
        return made

    return reports


def test_a_job_that_says_nothing_gets_the_usual_design(lab):
    """It stands in the stored job, declared before anything is measured; the first run is asked for no temperature."""
    job = lab.submit(gate=None)
    lab.end_of(job)
    spec = lab.get(f"/v1/jobs/{job}")["spec"]
    assert (2.0, 2.0, 300.0, None) == tuple(spec["gate"][name] for name in ("below_c", "above_c", "most_s", "around_c"))
    assert VoidIf().swapped_bytes == spec["void_if"]["swapped_bytes"]
    assert Gate() == lab.agent.measured[0].gate


def test_a_quick_job_waits_for_nothing_and_has_no_void_runs(lab):
    """It cannot judge, and is to be quick."""
    job = lab.submit(quick=True, gate=None)
    lab.end_of(job)
    assert (None, None) == tuple(lab.get(f"/v1/jobs/{job}")["spec"][name] for name in ("gate", "void_if"))
    assert all(spec.gate is None for spec in lab.agent.started)


def test_later_runs_start_at_the_first_ones_temperature(lab):
    """Whatever the others started at, and whether or not the controller was there all the time."""
    lab.agent.reports = at_temperatures(41.5, 42.0, 43.0, 44.0)
    lab.end_of(lab.submit(repetitions=2))
    assert [None, 41.5, 41.5, 41.5] == [spec.gate.around_c for spec in lab.agent.measured]


def test_a_temperature_that_the_job_names_is_kept(lab):
    """A laboratory may want all of its jobs alike."""
    lab.agent.reports = at_temperatures(41.5, 42.0)
    lab.end_of(lab.submit(gate={"around_c": 50.0}))
    assert [50.0, 50.0] == [spec.gate.around_c for spec in lab.agent.measured]


def test_the_board_rests_after_the_last_run_too(lab):
    """Idle power is metered before the first run and after the last; a quick job does without."""
    rest = {"limits": {"run_s": 1, "settle_s": 0.01}, "repetitions": 2}
    lab.end_of(lab.submit(**rest))
    lab.end_of(lab.submit(**rest, quick=True))
    assert [0.0, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0, 0.0] == [spec.rest_after_s for spec in lab.agent.measured]
