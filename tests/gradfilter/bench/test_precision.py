"""The number type that networks compute in, and its refusal where torch has it not."""

import json

import pytest
import torch
from torch import nn

from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.precision import Precision

CPU = torch.device("cpu")
REDUCED = {"dtype": "bfloat16"}


@pytest.fixture(name="bfloat16", scope="module")
def fixture_bfloat16():
    try:
        return Precision("bfloat16", CPU)
    except RefusedWorkload as refusal:
        pytest.skip(str(refusal))


class Lacking(nn.Module):
    """Says what torch says where an operator is not there for a type."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, images):
        raise RuntimeError(f"\"slow_conv_dilated<>\" not implemented for '{self.kind}'")


def test_float32_is_left_alone():
    """
    The plain type is the network's own result, to the bit.
    """
    model, images = nn.Conv2d(3, 4, 3), torch.randn(1, 3, 8, 8)
    assert torch.equal(model(images), Precision("float32", CPU).outputs(model, images))


def test_bfloat16_rounds_in_between_only(bfloat16):
    """
    Outputs are float32 with bfloat16's eight bits of mantissa; weights get gradients of their own type.
    """
    model, images = nn.Conv2d(3, 4, 3), torch.randn(1, 3, 8, 8)
    outputs = bfloat16.outputs(model, images)
    assert torch.float32 == outputs.dtype
    assert torch.equal(outputs.bfloat16().float(), outputs)
    assert torch.allclose(model(images), outputs, rtol=0.05, atol=0.05)
    outputs.sum().backward()
    assert torch.float32 == model.weight.grad.dtype


def test_network_with_a_lacking_operator_is_refused(bfloat16):
    """
    What torch cannot compute in the type is told as that; an error about something else stays what it is.
    """
    with pytest.raises(RefusedWorkload, match=r"cpu \(.slow_conv_dilated.*BFloat16'\)\. Choose 'float32'") as refusal:
        bfloat16.outputs(Lacking("BFloat16"), torch.zeros(1))
    assert "dtype" == refusal.value.field
    with pytest.raises(RuntimeError, match="Int"):
        bfloat16.outputs(Lacking("Int"), torch.zeros(1))


def test_device_without_the_type_is_refused():
    """
    A device that computes nothing trains in no type.
    """
    with pytest.raises(RefusedWorkload, match=r"dtype 'bfloat16' cannot be trained in .* this board's meta"):
        Precision("bfloat16", torch.device("meta"))


def test_workers_train_in_it(bfloat16, run_worker, spec, filtered, baseline):
    """
    Real runs, plain and filtered: nearly float32's losses, and what filtering saves and changes is told as well.
    """
    plain, reduced = run_worker(spec(REDUCED)), run_worker(spec(REDUCED, variants=[filtered]))
    assert (0, 0) == (plain.status, reduced.status)
    assert baseline.losses == pytest.approx(plain.losses, rel=0.05)
    assert baseline.losses != plain.losses
    # Not beside float32: torch 1.10 unfolds images for its convolution in bfloat16, and keeps them so.
    assert reduced.outcome["saved_activation_bytes"][""] < plain.outcome["saved_activation_bytes"][""]
    assert all(0 < gradient["cosine"] < 1 for gradient in reduced.outcome["gradients"])


def test_jobs_of_both_types_start_alike(bfloat16, start_worker, spec, tmp_path):
    """
    A start is pretrained in float32 by whichever job comes first, and the other one finds it.
    """
    steps = []
    for dtype in ("bfloat16", "float32"):
        worker = start_worker(tmp_path)
        workload = {"dtype": dtype, "pretraining": {"steps": 2, "batch_size": 4}}
        worker.tell(json.dumps(spec(workload, purpose="prepare")))
        run = worker.finish()
        assert 0 == run.status
        steps.append(len(run.of("progress")))
    assert [2, 0] == steps
