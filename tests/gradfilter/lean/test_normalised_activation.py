"""timm's BatchNorm with its activation inside, as in its MobileNets and EfficientNets, and those networks whole."""

import copy
import pickle

import pytest
import torch
from torch import nn

from gradfilter.bench.batch_norm import set_training_mode
from gradfilter.bench.models.libraries import import_timm, is_installed
from gradfilter.bench.trainable import set_trainable
from gradfilter.inspection import counting_saved_bytes
from gradfilter.lean import make_lean, restore_plain
from gradfilter.methods import DA3, GradientFilter, Lean

N, C, SIZE = 3, 8, 12
MAP = N * C * SIZE**2 * 4
ACTIVATIONS = {"relu": nn.ReLU, "relu6": nn.ReLU6, "silu": nn.SiLU}


@pytest.fixture(name="timm", scope="module")
def fixture_timm():
    if not is_installed("timm"):
        pytest.skip("timm is not installed for this Python")
    return import_timm()


@pytest.fixture(name="layer")
def fixture_layer(timm):
    """Makes the layer out of a network of timm's: frozen, in evaluation, with numbers not those of a fresh one."""

    def make(activation="relu"):
        torch.manual_seed(1)
        layer = type(timm.create_model("mobilenetv2_035").bn1)(C, act_layer=ACTIVATIONS[activation])
        for tensor in layer.state_dict().values():
            if tensor.dtype == torch.float32:
                tensor.uniform_(0.5, 2)
        return layer.requires_grad_(requires_grad=False).eval()

    return make


def maps(dtype=torch.float32):
    return torch.randn(N, C, SIZE, SIZE, generator=torch.Generator().manual_seed(2), dtype=dtype).requires_grad_()


def run(module, x):
    """Output, gradient of a fixed weighted sum by the input, and bytes kept."""
    with counting_saved_bytes(module) as saved:
        y = module(x)
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(3), dtype=y.dtype)
    return y, torch.autograd.grad(y, x, dy)[0], saved.total


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_numbers_are_those_of_the_plain_layer(layer, activation):
    """Bit for bit forward, and in float64 the same gradient but for rounding."""
    lean = layer(activation)
    assert ["", "act"] if activation != "silu" else [""] == list(make_lean(lean))
    assert torch.equal(layer(activation)(maps()), lean(maps()))
    plain, ours = (run(one.double(), maps(torch.float64)) for one in (layer(activation), lean))
    assert torch.allclose(plain[1], ours[1], rtol=1e-12, atol=1e-12)


def test_kept_are_the_bits_of_the_activation(layer):
    """Stock layers keep the normalisation's input and the activation's output; the twin a bit per value."""
    lean = layer()
    make_lean(lean)
    assert 2 * MAP == run(layer(), maps())[2]
    assert MAP // 32 == run(lean, maps())[2]


def test_trained_or_by_the_batch_it_is_the_plain_layer(layer):
    """In training mode, and with its weight trained after all, numbers and bytes kept are the plain layer's."""
    for change in (lambda one: one.train(), lambda one: one.weight.requires_grad_()):
        plain, lean = layer("silu"), layer("silu")
        make_lean(lean)
        for one in (plain, lean):
            change(one)
        expected, got = run(plain, maps()), run(lean, maps())
        assert torch.equal(expected[0], got[0])
        assert torch.equal(expected[1], got[1])
        assert expected[2] == got[2]
        assert torch.equal(plain.running_mean, lean.running_mean)


def test_copies_pickles_and_the_way_back(layer):
    """The state dict's keys stay, a copy and a pickle are lean too, and the plain layer comes back."""
    lean = layer()
    kind, keys = type(lean), list(lean.state_dict())
    kept = make_lean(lean)
    for twin in (copy.deepcopy(lean), pickle.loads(pickle.dumps(lean))):
        assert keys == list(twin.state_dict())
        assert MAP // 32 == run(twin, maps())[2]
    restore_plain(lean, list(kept))
    assert (kind, nn.ReLU) == (type(lean), type(lean.act))


@pytest.fixture(name="step")
def fixture_step(timm):
    """A step of a network of timm's, some of it trained by a method: bytes kept, and the gradients."""

    def run_step(name, trainable, *methods):
        torch.manual_seed(0)
        model = timm.create_model(name, num_classes=5)
        set_trainable(model, trainable)
        for method in methods:
            method.apply(model)
        set_training_mode(model.double(), "eval")
        images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        with counting_saved_bytes(model) as saved:
            loss = nn.functional.cross_entropy(model(images), torch.arange(2))
        loss.backward()
        return saved.total, {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    return run_step


# The share of bytes that lean layers leave of a step. SiLU and squeeze-and-excitation need their maps.
SHARES = [("mobilenetv2_050", "bias", 0.02), ("mobilenetv2_050", "last:4", 0.6), ("efficientnet_b0", "bias", 0.5)]


@pytest.mark.parametrize(("name", "trainable", "most"), SHARES)
def test_networks_keep_less_with_the_same_gradients(step, name, trainable, most):
    """MobileNetV2 and EfficientNet, biases or the last layers trained: fewer bytes, and every gradient exact."""
    (stock, plain), (kept, ours) = step(name, trainable), step(name, trainable, Lean())
    assert kept < most * stock
    assert list(plain) == list(ours)
    assert all(torch.allclose(plain[key], ours[key], rtol=1e-9, atol=1e-12) for key in plain)


def test_adaptors_on_mobilenet_keep_little(step):
    """da3, which freezes and makes lean, keeps a fiftieth of what training all keeps."""
    assert step("mobilenetv2_050", "all", DA3())[0] < 0.02 * step("mobilenetv2_050", "all")[0]


def test_chains_run_through_it(step):
    """With gradient filtering the gradients are those of filtering alone, with less kept in front of the chain."""
    (alone, filtered), (both, ours) = (
        step("mobilenetv2_050", "last:4", GradientFilter(last=4), *more) for more in ((), (Lean(),))
    )
    assert both <= alone
    assert all(torch.allclose(filtered[key], ours[key], rtol=1e-9, atol=1e-12) for key in filtered)
