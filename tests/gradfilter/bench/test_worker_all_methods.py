"""The suite of all methods, small: every variant of its jobs is built and trains a step, and claims hold on counts."""

import json
from pathlib import Path

import pytest

SUITE = Path(__file__).resolve().parents[3] / "controller" / "suites" / "all-methods.json"
SMALL = {"image_size": 32, "batch_size": 2, "warm_up_steps": 0, "measured_steps": 2, "pretraining": None, "threads": 1}


@pytest.fixture(name="jobs", scope="module")
def fixture_jobs():
    """The suite's jobs by name."""
    return {job["name"]: job["job"] for job in json.loads(SUITE.read_text(encoding="utf-8"))["jobs"]}


@pytest.fixture(name="job", scope="module")
def fixture_job(jobs):
    """The job of every method, on few and small images."""
    signs = [variant for variant in jobs["signs"]["variants"] if variant["name"] != "baseline"]
    job = jobs["training"]
    return {"workload": dict(job["workload"], **SMALL), "variants": [*job["variants"], *signs]}


@pytest.fixture(name="measured", scope="module")
def fixture_measured(run_worker, spec, job):
    """One run of a variant, by its name; its outcome, and its steps."""
    runs = {}

    def run(name):
        if name not in runs:
            (variant,) = [variant for variant in job["variants"] if variant["name"] == name]
            runs[name] = run_worker(spec(job["workload"], variants=[variant]))
            assert 0 == runs[name].status, runs[name].log
        return runs[name]

    return run


def test_every_variant_can_be_prepared(run_worker, spec, job):
    """
    One worker builds each variant and runs a forward and a backward pass of it.
    """
    run = run_worker(spec(job["workload"], variants=job["variants"], purpose="prepare"))
    assert 0 == run.status, run.log


def test_compressed_inputs_are_kept_in_fewer_bytes(measured):
    """
    A whole step beside plain training: lean layers and compressed inputs keep less, counted in the same way.
    """
    kept = {name: measured(name).outcome["saved_activation_bytes"][""] for name in ("baseline", "comet")}
    assert kept["comet"] < 0.75 * kept["baseline"]
    assert all(gradient["cosine"] > 0.98 for gradient in measured("comet").outcome["gradients"] if gradient["cosine"])


def test_virtual_layers_compute_a_quarter(run_worker, spec, jobs):
    """
    Of the simulated job: each virtual convolution has a quarter of the multiplications, forward and backward, the
    others have what they had.
    """
    plain, virtual = (
        run_worker(spec(jobs["simulated"]["workload"], variants=[variant])).outcome
        for variant in jobs["simulated"]["variants"]
        if variant["name"] in {"baseline", "virtual"}
    )
    changed = {layer["name"] for layer in virtual["layers"]}
    assert 8 == len(changed)
    for before, after in zip(plain["simulated"], virtual["simulated"]):
        assert before["macs"] == after["macs"] * (4 if after["name"] in changed else 1), after
