"""Control jobs: the noise floor that they leave, who may use it, and the verdicts that it changes."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import count
from math import exp

import pytest
from sqlalchemy import update

from controller.analysis.controls import control_failure
from controller.comparing import judge
from controller.documents import JOB_SPEC
from controller.jobs import DeviceChange, NewDevice
from controller.measuring import measure_run
from controller.plan import run_spec
from controller.soundness import heed_control
from controller.store import Planned, Store
from controller.tables import Job
from tests.controller.samples import job_document, record

AGAIN = [{"name": "baseline", "methods": []}, {"name": "again", "methods": []}]
CLASS = "training on cpu"


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'lab.sqlite'}")
    opened.database.migrate()
    opened.devices.add(NewDevice("desk", "http://desk:1"))
    yield opened
    opened.close()


def spec(**changes):
    return JOB_SPEC.validate_python(job_document(primary=["step_time"], **changes))


def measured(store, wanted, logs, device="desk"):
    """A finished job whose second variant took exp(log) times as long in each block."""
    return carried_out(store, store.jobs.add(wanted), logs, device)


def carried_out(store, job, logs, device="desk"):
    wanted = job.spec
    lease = store.leases.start(job.id, device, 60)
    for block, log in enumerate(logs, start=1):
        for place, variant in enumerate(wanted.variants):
            run = store.runs.start(Planned("measure", variant.name, block, place, block), lease)
            found = record(run_spec(wanted, run))
            factor = exp(log) if place else 1.0
            found.steps = [
                replace(s, forward_s=0.1 * factor, backward_s=0.2 * factor, optimizer_s=0.05 * factor)
                for s in found.steps
            ]
            store.records.add(found, lease)
            measure_run(store, run.id)
    store.jobs.end(job.id, "finished", "", lease)
    store.leases.release(lease)
    return store.jobs.get(job.id)


def control(store, logs, device="desk"):
    return measured(store, spec(purpose="control", variants=AGAIN, repetitions=len(logs)), logs, device)


def seconds():
    """A clock that tells another second each time."""
    instants = (datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=second) for second in count())
    return lambda: next(instants)


def verdict(store, job):
    return judge(store, job).variants[1].parts[0].metrics["step_time"].verdict


def test_the_floor_comes_from_stored_pairs(store):
    """Twenty pairs that differ by 1 to 20 %, either way, in two jobs: 95 % of them by at most 19.05 %."""
    signs = [1, -1] * 5
    control(store, [sign * size / 100 for size, sign in zip(range(1, 11), signs, strict=True)])
    control(store, [sign * size / 100 for size, sign in zip(range(11, 21), signs, strict=True)])
    floor = store.controls.noise("desk", CLASS).of("step_time")
    assert (pytest.approx(0.1905), 20) == (floor.log_ratio, floor.pairs)


def test_a_floor_is_of_one_device_and_class(store):
    """Another board's controls say nothing of this one, nor do controls of other work."""
    control(store, [0.05] * 20)
    assert 0 == store.controls.noise("nano", CLASS).of("step_time").pairs
    assert 0 == store.controls.noise("desk", "conv_layer on cpu").of("step_time").pairs


def test_the_floor_decides_what_counts(store):
    """5 % in every block is slower while the floor is unknown, and no difference on a device with a floor of 10 %."""
    job = measured(store, spec(repetitions=8), [0.05] * 8)
    assert ("slower", True) == (verdict(store, job).word, verdict(store, job).provisional)
    control(store, [0.1, -0.1] * 10)
    assert ("no detectable difference", False) == (verdict(store, job).word, verdict(store, job).provisional)


def test_a_control_is_judged_by_the_floor_before_it(store):
    """Its own pairs do not make room for themselves."""
    failing = control(store, [0.3 + 0.001 * i for i in range(20)])
    assert ("slower", 0) == (verdict(store, failing).word, verdict(store, failing).floor_pairs)
    assert "compared the baseline with itself and found step time slower" in control_failure(judge(store, failing))


def test_a_control_without_a_difference_passes(store):
    """Noise is no failure."""
    assert "" == control_failure(judge(store, control(store, [0.03, -0.03] * 4)))


@pytest.mark.parametrize("changes", [{"quick": True}, {"variants": [*AGAIN, {"name": "third", "methods": []}]}, {}])
def test_a_control_must_be_one(changes):
    """Two variants that differ in nothing, and no quick job."""
    document = job_document(
        purpose="control", **{"variants": AGAIN if changes else job_document()["variants"], **changes}
    )
    with pytest.raises(ValueError, match="purpose control needs two variants that differ in nothing but their names"):
        JOB_SPEC.validate_python(document)


class TestSoundness:
    """What becomes of a board whose controls fail: the second variant takes half as long again as itself."""

    @pytest.fixture
    def board(self, store):
        store.devices.answered("desk")
        for _ in range(3):
            control(store, [0.01, -0.01] * 4)
        return lambda: store.devices.get("desk")

    def test_one_failure_is_chance(self, store, board):
        """A control that fails once leaves the board at work."""
        assert "" == heed_control(store, control(store, [0.4, 0.41] * 4).id)
        assert "online" == board().health

    def test_two_failures_in_a_row_are_the_board(self, store, board):
        """The board is bad, with what the controls found, until somebody clears it."""
        control(store, [0.4, 0.41] * 4)
        assert heed_control(store, control(store, [0.4, 0.41] * 4).id)
        assert "bad" == board().health
        assert "compared the baseline with itself" in board().health_reason
        store.devices.change("desk", DeviceChange(fault=""))
        assert "online" == board().health

    def test_an_ordinary_job_says_nothing_of_the_board(self, store, board):
        """A difference between methods is what jobs are for."""
        ordinary = measured(store, spec(repetitions=8), [0.4, 0.41] * 4)
        assert "" == heed_control(store, ordinary.id)


def test_a_mark_begins_the_floor_anew(tmp_path):
    """What a board did before its new fan is no measure of what it does now."""
    opened = Store(f"sqlite:///{tmp_path / 'lab.sqlite'}", clock=seconds())
    opened.database.migrate()
    opened.devices.add(NewDevice("desk", "http://desk:1"))
    control(opened, [0.1])
    opened.marks.add("desk", "a new fan")
    assert ["a new fan"] == [mark.what for mark in opened.marks.of_device("desk")]
    assert 0 == opened.controls.noise("desk", CLASS).of("step_time").pairs
    control(opened, [0.2])
    assert 1 == opened.controls.noise("desk", CLASS).of("step_time").pairs
    opened.close()


def test_a_control_that_waited_through_a_mark_counts(tmp_path):
    """It ran on the board as it is now, whenever it was submitted."""
    opened = Store(f"sqlite:///{tmp_path / 'lab.sqlite'}", clock=seconds())
    opened.database.migrate()
    opened.devices.add(NewDevice("desk", "http://desk:1"))
    waiting = opened.jobs.add(spec(purpose="control", variants=AGAIN, repetitions=1))
    opened.marks.add("desk", "a new fan")
    carried_out(opened, waiting, [0.1])
    assert [waiting.id] == opened.controls.recent("desk", CLASS)
    opened.close()


def test_old_controls_are_not_even_read(store):
    """The newest ones count; one before them may be what it will."""
    again = spec(purpose="control", variants=AGAIN)
    made = [measured(store, again, []).id for _ in range(60)]
    with store.database.writing() as session:
        session.execute(update(Job).where(Job.id <= 40).values(spec={"purpose": "control"}))
    assert made[:39:-1] == store.controls.recent("desk", CLASS)


def test_raw_data_keep_the_hash_they_were_stored_with(store):
    """What was stored is what is there."""
    job = control(store, [0.1])
    hashes = store.records.hashes(job.id).values()
    assert 2 == len(hashes)
    assert all(found.stored == found.now for found in hashes)
