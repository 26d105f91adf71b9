"""The worker's decoder against pydantic, over drawn specs. This pydantic is not for Python 3.6."""

import json

import pytest

pydantic = pytest.importorskip("pydantic")

import hypothesis  # noqa: E402 (after the skip)
from hypothesis import strategies as st  # noqa: E402

from gradfilter.bench.decoding import decode, encode  # noqa: E402
from gradfilter.bench.errors import DecodingError  # noqa: E402
from gradfilter.bench.schema import (  # noqa: E402
    ConvLayerWorkload,
    ConvShape,
    Limits,
    MethodSpec,
    Optimizer,
    Pretraining,
    RunSpec,
    TrainingWorkload,
    Variant,
)

WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
SMALL = st.integers(1, 64)
SEEDS = st.integers(0, 2**63 - 1)
RATES = st.floats(0, 1)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), RATES, WORDS, st.lists(SMALL, max_size=3))
TRAINABLE = st.one_of(
    st.sampled_from(["all", "head", "bias", "last:1", "last:12"]), st.lists(WORDS, min_size=1, max_size=3)
)
OPTIMIZERS = st.builds(Optimizer, learning_rate=RATES, momentum=RATES, clip_norm=st.none() | st.floats(0.1, 9))
TRAINING = st.builds(
    TrainingWorkload,
    kind=st.just("training"),
    model=WORDS,
    batch_size=SMALL,
    trainable=TRAINABLE,
    threads=st.none() | SMALL,
    optimizer=OPTIMIZERS,
    pretraining=st.none() | st.builds(Pretraining, steps=SMALL, learning_rate=RATES),
    seed=SEEDS,
)
SHAPES = st.builds(ConvShape, SMALL, SMALL, SMALL, height=st.integers(3, 64), width=st.integers(3, 64))
CONV_LAYER = st.builds(
    ConvLayerWorkload,
    kind=st.just("conv_layer"),
    shapes=st.lists(SHAPES, min_size=1, max_size=3, unique_by=lambda shape: shape.label),
)
VARIANTS = st.builds(
    Variant,
    name=WORDS,
    methods=st.lists(st.builds(MethodSpec, WORDS, st.dictionaries(WORDS, VALUES, max_size=3)), max_size=2),
    trainable=st.none() | TRAINABLE,
)
SPECS = st.builds(
    RunSpec,
    run_id=WORDS,
    job_id=WORDS,
    workload=TRAINING | CONV_LAYER,
    variants=st.lists(VARIANTS, min_size=1, max_size=3),
    purpose=st.just("prepare"),
    limits=st.builds(Limits, run_s=st.floats(1, 100)),
)
ADAPTER = pydantic.TypeAdapter(RunSpec)


def as_json(spec):
    return json.loads(json.dumps(encode(spec), allow_nan=False))


@hypothesis.given(SPECS)
def test_decoder_agrees_with_pydantic(spec):
    """
    What the services write, the worker reads as the same spec, and the other way round.
    """
    assert spec == decode(RunSpec, as_json(spec))
    assert spec == decode(RunSpec, ADAPTER.dump_python(spec, mode="json"))
    assert spec == ADAPTER.validate_python(as_json(spec))


@hypothesis.given(SPECS, st.data())
def test_both_refuse_a_stray_key(spec, data):
    """
    A key that no field has is refused by both, wherever it stands.
    """
    value = as_json(spec)
    place = data.draw(st.sampled_from([value["workload"], value["variants"][0], value["limits"]]))
    place["stray"] = 1
    with pytest.raises(DecodingError, match="stray is unknown"):
        decode(RunSpec, value)
    with pytest.raises(pydantic.ValidationError):
        ADAPTER.validate_python(value)
