"""What methods claim, in real worker runs: bytes kept, memory of the process, batches and blocks that cost nothing."""

import pytest

ALL = {"trainable": "all"}
RESNET = {
    "model": "resnet18",
    "image_size": 96,
    "batch_size": 32,
    "trainable": "all",
    "warm_up_steps": 1,
    "measured_steps": 2,
}
DA3 = {"name": "da3", "methods": [{"name": "da3"}]}
VARIANTS = {
    "baseline": {"name": "baseline"},
    "da3": DA3,
    "bias": {"name": "bias", "trainable": "bias"},
    "lean_bias": {"name": "lean_bias", "trainable": "bias", "methods": [{"name": "lean"}]},
    "checkpointing": {"name": "checkpointing", "methods": [{"name": "checkpointing"}]},
    "select": {"name": "select", "methods": [{"name": "e2train", "options": {"drop": 0.0, "select": True}}]},
}


def saved_bytes(run):
    return run.outcome["saved_activation_bytes"][""]


def test_adaptors_keep_less_than_plain_training(run_worker, spec):
    """A da3 run ends like any other; it trains adaptors and a head, and keeps a fraction of what plain runs keep."""
    plain, adapted = (run_worker(spec(ALL, variants=[variant])) for variant in ({"name": "baseline"}, DA3))
    assert (0, 0) == (plain.status, adapted.status)
    assert saved_bytes(adapted) < saved_bytes(plain) / 2
    assert adapted.outcome["trained_parameters"] != plain.outcome["trained_parameters"]
    assert {"da3 adaptor (reference-spec-1), cells of 4"} == {layer["change"] for layer in adapted.outcome["layers"]}


def test_dropped_batches_cost_nothing(run_worker, spec):
    """A step whose batch was dropped has no loss and took no time; the others are like any."""
    dropping = {"name": "dropping", "methods": [{"name": "e2train", "options": {"drop": 0.5}}]}
    run = run_worker(spec({"measured_steps": 20}, variants=[dropping]))
    assert 0 == run.status
    parts = ("forward_s", "backward_s", "optimizer_s", "data_s")
    dropped = [step for step in run.of("step") if step["loss"] is None]
    assert 0 < len(dropped) < 20
    assert {0.0} == {step[part] for step in dropped for part in parts}
    assert all(step["forward_s"] > 0 for step in run.of("step") if step["loss"] is not None)


@pytest.mark.long
def test_memory_falls_as_the_methods_claim(run_worker, spec):
    """
    On resnet18, kept bytes of adaptors, lean biases, checkpointing and selected blocks are below plain training's, and
    the first two's peak RSS too; freezing alone keeps nearly as much as training all.
    """
    runs = {name: run_worker(spec(RESNET, variants=[variant])) for name, variant in VARIANTS.items()}
    assert {0} == {run.status for run in runs.values()}
    kept = {name: saved_bytes(run) for name, run in runs.items()}
    peak = {name: run.outcome["peak_rss_bytes"] for name, run in runs.items()}
    print("kept MB", {name: round(b / 1e6, 2) for name, b in kept.items()})
    print("peak RSS MB", {name: round(b / 1e6) for name, b in peak.items()})
    for name, most in {"da3": 0.05, "lean_bias": 0.1, "checkpointing": 0.7, "select": 1.0}.items():
        assert kept[name] < most * kept["baseline"], name
    for name in ("da3", "lean_bias"):
        assert peak[name] < peak["baseline"], name
    assert kept["bias"] > 0.9 * kept["baseline"]
    assert all("% of the samples" in layer["run"] for layer in runs["select"].outcome["layers"])
