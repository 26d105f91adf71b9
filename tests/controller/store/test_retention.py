"""What is dropped of old runs, what stays of them, and who is told."""

import json
from dataclasses import replace
from math import sin

import pytest

from controller.analysis.void import void_because
from controller.comparing import judge
from controller.errors import NotFoundError
from controller.jobs import NewDevice
from controller.measuring import measure_run, new_record, unmeasured_runs
from controller.plan import run_spec
from controller.store import NewArtefact, Planned, Policy, ResultFilter, Store
from controller.store.export import export
from controller.store.retention import Dropped
from gradfilter.bench.schema import VoidIf
from tests.controller.clocks import SteppedClock
from tests.controller.databases import DATABASES, new_database
from tests.controller.records import finished, gauge, power, training_job

DAY_S = 86_400


@pytest.fixture
def clock():
    return SteppedClock()


@pytest.fixture(params=DATABASES)
def store(request, tmp_path, clock):
    """Two jobs with three metered blocks each, the second a day after the first."""
    opened = Store(new_database(request, tmp_path), clock=clock, monotonic=clock.monotonic)
    opened.database.migrate()
    opened.devices.add(NewDevice("nano-1", "http://nano-1:8101"))
    carry_out(opened)
    clock.advance(DAY_S)
    carry_out(opened)
    yield opened
    opened.close()


def carry_out(store, *, to_the_end=True):
    """A job of two variants in three blocks, with series of its power and a file of its first run."""
    spec = training_job()
    job = store.jobs.add(spec)
    lease = store.leases.start(job.id, "nano-1", 10)
    for block in (1, 2, 3):
        for variant in ("baseline", "filtered"):
            run = store.runs.start(Planned("measure", variant, block, 0, block), lease)
            watts = 5.0 + 0.1 * block + (variant == "baseline")
            measured = finished(spec, variant, block, series=[power(lambda t, watts=watts: watts + 0.1 * sin(t))])
            [is_new] = store.records.add_all([new_record(replace(measured, spec=run_spec(spec, run)), lease, "")])
            assert is_new is True
    store.artefacts.add(store.runs.of_job(job.id)[0].id, [NewArtefact("trace.json", b"12345")])
    if to_the_end:
        store.jobs.end(job.id, "finished", "", lease)
        store.leases.release(lease)
    return job


def energies(comparison):
    return [variant.parts[0].metrics["energy_per_step"].estimate for variant in comparison.variants]


def test_a_report_keeps_its_numbers_and_says_what_was_dropped(store):
    """Energies, which need the series, are those that were computed before; everything else is as it was."""
    before = judge(store, store.jobs.get("1"))
    assert 6 == store.retention.sweep(Policy(days=0.5)).runs
    after = judge(store, store.jobs.get("1"))
    assert None not in energies(before)
    assert energies(before) == energies(after)
    assert before.headline == after.headline
    [said] = [concern for concern in after.concerns if concern.code == "series_dropped"]
    assert "the sensor series of 6 runs were dropped" in said.message
    assert "because they were older than 0.5 days" in said.message


def test_results_outlive_a_sweep_between_listing_and_measuring(store):
    """A version that measures old runs anew finds one without its series: what was measured from them stays."""
    before = list(store.results.all(ResultFilter(job="1", metric="energy_per_step")))
    store.retention.sweep(Policy(days=0.5))
    for run in store.runs.of_job("1"):
        measure_run(store, run.id)
    after = list(store.results.all(ResultFilter(job="1", metric="energy_per_step")))
    assert [row.value for row in before] == [row.value for row in after]
    assert None not in {row.value for row in after}


def test_a_void_run_stays_void_without_its_series(store):
    """Its cause was in them; what was found is in the store, and the report counts it as before."""
    spec = replace(training_job(), quick=False, void_if=VoidIf(swapped_bytes=0, throttled=False, clock_step_s=None))
    job = store.jobs.add(spec)
    lease = store.leases.start(job.id, "nano-1", 10)
    swapped = gauge("memory", "B", "swapped_out", lambda t: 1e6 * t)
    for variant, series in (("baseline", [swapped]), ("filtered", [])):
        run = store.runs.start(Planned("measure", variant, 1, 0, 1), lease)
        record = replace(finished(spec, variant, 1, series=series), spec=run_spec(spec, run))
        store.records.add_all([new_record(record, lease, void_because(spec, record))])
    store.jobs.end(job.id, "finished", "", lease)
    before = judge(store, store.jobs.get(job.id))
    store.retention.sweep(Policy(days=0))
    after = judge(store, store.jobs.get(job.id))
    assert [0, 1] == [variant.runs_valid for variant in before.variants]
    assert [0, 1] == [variant.runs_valid for variant in after.variants]
    assert before.blocks_wanted == after.blocks_wanted


def test_a_busy_board_stays_one_without_its_series(store):
    """The headline goes on saying that its times are of no use."""
    spec = training_job()
    job = store.jobs.add(spec)
    lease = store.leases.start(job.id, "nano-1", 10)
    for variant in ("baseline", "filtered"):
        run = store.runs.start(Planned("measure", variant, 1, 0, 1), lease)
        busy = gauge("load", "ratio", "foreign_cpu", lambda _: 0.6)
        record = replace(finished(spec, variant, 1, series=[busy]), spec=run_spec(spec, run))
        store.records.add_all([new_record(record, lease, "")])
    store.jobs.end(job.id, "finished", "", lease)
    before = judge(store, store.jobs.get(job.id)).headline
    assert before.startswith("Measured on a busy board")
    store.retention.sweep(Policy(days=0))
    assert before == judge(store, store.jobs.get(job.id)).headline


def test_the_newest_bytes_are_kept(store):
    """Where all take more than is kept, the oldest runs go first, and no more of them than must."""
    sizes = [len(store.records.series(run.id)) for job in "12" for run in store.runs.of_job(job)]
    limit = sum(sizes[2:]) + 5  # the file of the second job's first run
    assert Dropped(2, sum(sizes[:2]) + 5) == store.retention.surplus(Policy(most_bytes=limit))
    assert Dropped(2, sum(sizes[:2]) + 5) == store.retention.sweep(Policy(most_bytes=limit))
    assert Dropped() == store.retention.sweep(Policy(most_bytes=limit))
    assert {run.id for run in store.runs.of_job("1")[:2]} == set(store.retention.of_job("1"))
    assert {} == store.retention.of_job("2")


def test_what_is_gone_is_not_found_with_the_reason(store):
    """Who asks for a series or a file learns when and why it went."""
    run = store.runs.of_job("1")[0].id
    store.retention.sweep(Policy(days=0.5))
    with pytest.raises(NotFoundError, match=r"dropped at 2026-01-02.* older than 0.5 days; its results stay"):
        store.records.series(run)
    with pytest.raises(NotFoundError, match=r"the files of run .* were dropped at 2026-01-02"):
        store.artefacts.content(run, "trace.json")
    assert [] == store.artefacts.of_job("1")
    assert 25 == len(store.records.document(run)["steps"])


def test_results_say_that_their_series_are_gone(store):
    """A result stays as it was, with the instant since when nobody can make it again; no version tries to."""
    before = list(store.results.all(ResultFilter(job="1", metric="energy_per_step")))
    store.retention.sweep(Policy(days=0.5))
    after = list(store.results.all(ResultFilter(job="1", metric="energy_per_step")))
    assert None not in {row.value for row in before}
    assert [row.value for row in before] == [row.value for row in after]
    assert {"2026-01-02T00:00:00.000000Z"} == {row.series_dropped_at for row in after}
    assert {None} == {row.series_dropped_at for row in store.results.all(ResultFilter(job="2"))}
    assert [] == unmeasured_runs(store)
    assert {run.id for run in store.runs.of_job("2")} == set(store.results.unmeasured("another version"))


def test_the_hash_of_what_is_gone_does_not_hold(store):
    """The checklist says so, since nobody can tell any more."""
    store.retention.sweep(Policy(days=0.5))
    hashes = store.records.hashes("1").values()
    assert {""} == {found.now for found in hashes}
    assert all(found.stored for found in hashes)


def test_an_export_says_what_it_lacks(store, tmp_path):
    """The manifest counts it, and a table has every run with the reason."""
    dropped = store.retention.sweep(Policy(days=0.5))
    export(store.database, tmp_path / "all", "csv")
    manifest = json.loads((tmp_path / "all" / "manifest.json").read_text())
    assert {"runs": 6, "size_bytes": dropped.size_bytes} == manifest["dropped_before"]
    assert 6 == (tmp_path / "all" / "dropped.csv").read_text().count("older than 0.5 days")


def test_a_job_that_goes_on_keeps_everything(store, clock):
    """Its report is not made yet."""
    carry_out(store, to_the_end=False)
    clock.advance(DAY_S)
    assert 12 == store.retention.sweep(Policy(days=0.5)).runs
    assert {} == store.retention.of_job("3")
