"""JSON to the schema's dataclasses and back, without pydantic."""

import json
import math

import pytest

from gradfilter.bench.decoding import decode, encode
from gradfilter.bench.errors import DecodingError
from gradfilter.bench.schema import (
    Channel,
    ConvLayerWorkload,
    ConvShape,
    Evaluation,
    MethodSpec,
    Outcome,
    Pretraining,
    RunRecord,
    RunSpec,
    Series,
    Step,
    TrainingWorkload,
    Variant,
)

TRAINING = TrainingWorkload(
    kind="training", model="resnet18", trainable=["layer4", "fc"], threads=2, pretraining=Pretraining(steps=3)
)
CONV_LAYER = ConvLayerWorkload(kind="conv_layer", shapes=[ConvShape(1, 8, 8, 16, 16), ConvShape(2, 4, 8, 7, 9)])
VARIANT = Variant("filtered", [MethodSpec("gradient_filter", {"patch_size": 4, "layers": ["a", "b"]})], "head")
SPECS = [
    RunSpec("r", "j", TRAINING, [Variant("baseline")]),
    RunSpec("r", "j", CONV_LAYER, [VARIANT], purpose="measure", block=3, seed=2**62),
    RunSpec("r", "j", TRAINING, [Variant("baseline"), VARIANT], purpose="prepare"),
]
RECORD = RunRecord(
    SPECS[0],
    "finished",
    steps=[Step(0, "measured", 1.0, 0.5, 0.25, loss=0.125)],
    series=[Series(Channel("t", "thermal", "temperature", "degC"), [0.0, 1.0], [40.5, None])],
    outcome=Outcome(saved_activation_bytes={"": 7}),
    environment={"torch": "1.10.1", "threads": 2},
)


def as_json(value):
    return json.loads(json.dumps(encode(value), allow_nan=False))


@pytest.mark.parametrize("value", [*SPECS, RECORD], ids=["training", "conv_layer", "prepare", "record"])
def test_encoded_value_decodes_to_itself(value):
    """
    Nothing is lost on the way to JSON and back.
    """
    assert value == decode(type(value), as_json(value))


def test_int_stands_for_a_float():
    """
    JSON writes 1.0 as 1 in many languages; the field still becomes a float.
    """
    spec = as_json(SPECS[0])
    spec["limits"]["run_s"] = 60
    run_s = decode(RunSpec, spec).limits.run_s
    assert (60.0, float) == (run_s, type(run_s))


def test_default_fills_a_field_left_out():
    """
    Only fields without default are required.
    """
    minimal = {"run_id": "r", "job_id": "j", "variants": [{"name": "baseline"}]}
    minimal["workload"] = {"kind": "training", "model": "resnet18", "trainable": ["layer4", "fc"], "threads": 2}
    minimal["workload"]["pretraining"] = {"steps": 3}
    assert SPECS[0] == decode(RunSpec, minimal)


def change(path, value):
    """The first spec with one value replaced, or removed where value is None and the path ends in '-'."""
    spec = as_json(SPECS[0])
    *parents, last = path.split(".")
    place = spec
    for name in parents:
        place = place[int(name) if isinstance(place, list) else name]
    place[last] = value
    return spec


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("colour", "red", "colour"),
        ("workload.colour", "red", "workload.colour"),
        ("variants.0.colour", "red", "variants.0.colour"),
        ("workload.kind", "cooking", "workload.kind"),
        ("workload.kind", None, "workload.kind"),
        ("workload", [], "workload"),
        ("workload.batch_size", "16", "workload.batch_size"),
        ("workload.batch_size", 16.5, "workload.batch_size"),
        ("workload.batch_size", True, "workload.batch_size"),
        ("workload.batch_size", None, "workload.batch_size"),
        ("workload.batch_size", 0, "workload"),
        ("workload.compute", "tpu", "workload.compute"),
        ("workload.trainable", 3, "workload.trainable"),
        ("workload.trainable", ["a", 3], "workload.trainable"),
        ("workload.threads", "many", "workload.threads"),
        ("workload.optimizer", {"momentum": "much"}, "workload.optimizer.momentum"),
        ("variants", {}, "variants"),
        ("variants", [{}], "variants.0.name"),
        ("variants.0.methods", [{"name": "m", "options": []}], "variants.0.methods.0.options"),
    ],
)
def test_misfit_is_refused_by_name(path, value, field):
    """
    An unknown key, a missing field, a wrong type or a value out of range is refused with its path and name.
    """
    with pytest.raises(DecodingError) as refusal:
        decode(RunSpec, change(path, value))
    assert field == refusal.value.field
    assert field.split(".")[-1] in str(refusal.value) or "batch_size" in str(refusal.value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_non_finite_number_becomes_null(number):
    """
    Strict JSON has no NaN: a diverged loss is written as null.
    """
    assert None is encode(Step(0, "measured", 0.0, 0.0, 0.0, loss=number))["loss"]
    assert {"values": [None, 1.0]} == encode({"values": [number, 1.0]})


def test_diverged_evaluation_can_be_read_back():
    """
    A loss on held-out data that is not finite is None on the other side, and the evaluation stays.
    """
    evaluation = Evaluation(epoch=1, loss=math.nan, accuracy=0.1)
    assert Evaluation(epoch=1, loss=None, accuracy=0.1) == decode(Evaluation, encode(evaluation))
