"""How a worker process ends when it does not finish: every cause has its kind, in words."""

import json

import pytest

HUGE = {"batch_size": 1024, "in_channels": 1024, "out_channels": 1, "height": 16384, "width": 16384}


def test_closed_stdin_ends_the_worker(start_worker, spec):
    """
    When whoever started it is gone, a worker ends at once and its record stays open.
    """
    worker = start_worker()
    worker.tell(json.dumps(spec({"measured_steps": 1000000})))
    worker.wait_for("step")
    worker.process.stdin.close()
    run = worker.finish()
    assert 1 == run.status
    assert [] == run.of("end")
    assert "stdin was closed" in run.log


def test_non_finite_loss_keeps_the_steps_before(run_worker, spec):
    """
    A diverging run stops as a result of its own, with its steps, the last of which has no loss.
    """
    optimizer = {"learning_rate": 1000.0, "schedule": "constant"}
    run = run_worker(spec({"measured_steps": 200, "trainable": "all", "optimizer": optimizer}))
    assert (1, "non_finite_loss") == (run.status, run.failure["kind"])
    assert 1 < len(run.losses) < 200
    assert None is run.losses[-1]
    assert None is not run.losses[0]
    assert "end" == run.events[-1]["event"]


def test_out_of_memory_is_named(run_worker, spec):
    """
    An allocation that no board can serve is an out_of_memory failure with advice.
    """
    run = run_worker(spec({"kind": "conv_layer", "shapes": [HUGE]}))
    assert (1, "out_of_memory") == (run.status, run.failure["kind"])
    assert "Lower batch_size" in run.failure["message"]


@pytest.mark.parametrize(
    ("line", "field"),
    [("no JSON", ""), ('{"run_id": "r"}', "job_id"), ('{"run": "r"}', "run")],
    ids=["no json", "missing field", "unknown field"],
)
def test_unreadable_spec_is_refused(run_worker, line, field):
    """
    A spec that does not fit the schema is refused before torch is loaded, naming the field.
    """
    run = run_worker(line)
    assert (1, "refused", field) == (run.status, run.failure["kind"], run.failure["field"])


def test_refusal_in_a_preparation_names_variant_and_field(run_worker, spec):
    """
    Of several variants, the one that cannot be run is named.
    """
    deep = {"name": "deep", "methods": [{"name": "gradient_filter", "options": {"last": 99}}]}
    run = run_worker(spec(purpose="prepare", variants=[{"name": "baseline"}, deep]))
    assert (1, "refused", "methods") == (run.status, run.failure["kind"], run.failure["field"])
    assert "'deep'" in run.failure["message"]


def test_unforeseen_exception_is_reported_with_its_traceback(start_worker, spec, tmp_path):
    """
    Whatever else goes wrong, here a cache folder that is a file, is a failure with a traceback.
    """
    (tmp_path / "cache").write_text("not a folder")
    worker = start_worker(tmp_path / "cache")
    worker.tell(json.dumps(spec({"pretraining": {"steps": 1}}, purpose="prepare")))
    run = worker.finish()
    assert (1, "exception") == (run.status, run.failure["kind"])
    assert "checkpoint.py" in run.failure["traceback"]
    assert run.failure["message"]
