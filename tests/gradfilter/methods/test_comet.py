"""COMET as a method: which inputs it compresses, what training then does, and bounds that follow the momentum."""

import pytest
import torch
from torch import nn

from gradfilter.bench.schema import MethodedLayer
from gradfilter.compression import CompressedConv2d
from gradfilter.errors import NoMomentum, UnsupportedModel
from gradfilter.inspection import compare_gradients, counting_saved_bytes
from gradfilter.methods import Comet, GradientFilter, Lean, changed_layers

CONVOLUTIONS = ["stem.0", "block.depthwise", "block.pointwise", "last"]


def compressed_names(model):
    return [name for name, module in model.named_modules() if isinstance(module, CompressedConv2d)]


def batch_loss(model):
    x = torch.randn(4, 3, 21, 21, generator=torch.Generator().manual_seed(1))
    return nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2, 3]))


def train(model, method, steps, momentum=0.9):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=momentum)
    for _ in range(steps):
        optimizer.zero_grad()
        batch_loss(model).backward()
        optimizer.step()
        method.after_update(optimizer)
    return optimizer


def test_every_trained_convolution_is_compressed(small_network):
    """What trains keeps a compressed input, what is frozen keeps none anyway; the record says how."""
    model = small_network()
    model.block.depthwise.weight.requires_grad = False
    Comet(error_bound=0.05).apply(model)
    expected = [name for name in CONVOLUTIONS if name != "block.depthwise"]
    assert expected == compressed_names(model)
    change = "comet error_bound=0.05 relative"
    assert [MethodedLayer(name, change) for name in expected] == [
        c for c in changed_layers(model) if c.name in expected
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"last": 2}, CONVOLUTIONS[2:]),
        ({"layers": ["block.*"]}, CONVOLUTIONS[1:3]),
        ({"types": ["standard"]}, ["stem.0", "last"]),
    ],
    ids=str,
)
def test_chosen_convolutions_are_compressed(options, expected, small_network):
    """The last so many, by name, or by type."""
    assert expected == compressed_names(Comet(**options).apply(small_network()))


def test_loss_is_exact_and_weight_gradients_are_near(small_network):
    """The loss is bit for bit a plain network's; gradients of compressed layers point the same way, others agree."""
    plain, model = small_network(), Comet(error_bound=0.01).apply(small_network())
    assert torch.equal(batch_loss(plain), batch_loss(model))
    assert all(gradient.cosine > 0.999 for gradient in compare_gradients(plain, model, batch_loss, CONVOLUTIONS))
    for network in (plain, model):
        batch_loss(network).backward()
    assert torch.equal(plain.head.weight.grad, model.head.weight.grad)
    assert not torch.equal(plain.last.weight.grad, model.last.weight.grad)


def test_a_bound_of_0_trains_as_without_the_method(small_network):
    """Lossless: every weight after training is a plain network's, bit for bit where torch is new enough (1.11)."""
    plain, model = small_network(), Comet(error_bound=0.0).apply(small_network())
    train(plain, Comet(), 3)
    train(model, Comet(), 3)
    same = torch.equal if hasattr(torch.Tensor, "mT") else torch.allclose
    assert all(map(same, plain.state_dict().values(), model.state_dict().values()))


def test_inputs_kept_whole_are_named(small_network):
    """A bound that saves nothing is seen in the record, layer by layer; one that saves is not mentioned."""
    tight, loose = Comet(error_bound=0.0, last=1), Comet(error_bound=0.01)
    model = tight.apply(small_network())
    train(model, tight, 3)
    assert {"last": "input kept whole in 3 of 3 passes"} == tight.observed(model)
    model = loose.apply(small_network())
    train(model, loose, 1)
    assert {} == loose.observed(model)


def test_bounds_are_set_after_the_warm_up_and_then_every_interval(small_network):
    """Between two settings every layer keeps its bound, although momentum and gradients change."""
    model, method = small_network(), Comet(bound="adaptive", warm_up_steps=2, interval=3)
    method.apply(model)
    bounds = []
    for _ in range(9):
        train(model, method, 1)
        bounds.append(model.last.codec.bound)
    assert [0.01, 0.01] == bounds[:2]
    changes = [step for step in range(1, 9) if bounds[step] != bounds[step - 1]]
    assert [2, 5, 8] == changes


def test_bound_follows_the_momentum(small_network):
    """Half of the momentum halves the bound: the same step is observed, and the ratio is to half of the mean."""
    bounds = []
    for ratio in (0.02, 0.01):
        model, method = small_network(), Comet(bound="adaptive", sigma_ratio=ratio, warm_up_steps=0, interval=100)
        train(method.apply(model), method, 1)
        bounds.append(model.last.codec.bound)
    assert bounds[0] == pytest.approx(2 * bounds[1])


def test_adaptive_bound_needs_a_momentum(small_network):
    """An optimizer that keeps none is refused in words."""
    model, method = small_network(), Comet(bound="adaptive", warm_up_steps=0)
    with pytest.raises(NoMomentum, match="SGD keeps no momentum"):
        train(method.apply(model), method, 1, momentum=0.0)


class HalfUsed(nn.Module):
    """A network one of whose two convolutions never runs, as in a block that is skipped."""

    def __init__(self):
        super().__init__()
        self.used, self.skipped, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.used(x).mean((2, 3)))


def test_layer_that_was_skipped_keeps_its_bound():
    """It has no momentum, and needs none: the others' bounds are set all the same."""
    model, method = HalfUsed(), Comet(bound="adaptive", warm_up_steps=0)
    train(method.apply(model), method, 1)
    assert 0.01 == model.skipped.codec.bound
    assert model.skipped.codec.relative
    assert not model.used.codec.relative


def test_filtered_convolution_is_refused_by_name(small_network):
    """A filtered convolution keeps no input that could be compressed."""
    model = GradientFilter(last=1).apply(small_network())
    with pytest.raises(UnsupportedModel, match="last: it is a FilteredConv2d"):
        Comet().apply(model)
    assert [] == compressed_names(model)


def test_other_layers_than_the_filtered_ones_are_compressed(small_network):
    """Beside gradient filtering each layer has one of the two, and a chain ends where a compressed layer begins."""
    model = GradientFilter(layers=["stem.0", "block.*"]).apply(small_network())
    Comet(last=1, error_bound=0.0).apply(model)
    alone = GradientFilter(layers=["stem.0", "block.*"]).apply(small_network())
    for network in (alone, model):
        batch_loss(network).backward()
    for expected, actual in zip(alone.parameters(), model.parameters()):
        assert torch.allclose(expected.grad, actual.grad, rtol=1e-4, atol=1e-6)


def test_model_without_a_trained_convolution_is_refused(small_network):
    """There would be nothing to compress."""
    model = small_network().requires_grad_(requires_grad=False)
    with pytest.raises(UnsupportedModel, match="none of the selected Conv2d is trained"):
        Comet().apply(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bound": "loose"}, "bound must be one of relative, absolute, adaptive"),
        ({"backend": "sz"}, "backend must be one of bytes, bitpack, zlib"),
        ({"predictor": "lorenzo"}, "predictor must be one of none, lorenzo1d, lorenzo2d"),
        ({"error_bound": -1.0}, "error_bound must be at least 0"),
        ({"interval": 0}, "interval must be at least 1"),
    ],
)
def test_impossible_options_are_refused(options, message):
    """Each by its name, with what there is."""
    with pytest.raises(ValueError, match=message):
        Comet(**options)


def test_beside_lean_a_whole_step_keeps_less(small_network):
    """A ReLU keeps the map that the next convolution compresses, unless it is lean: then the whole step keeps less."""

    def network():
        torch.manual_seed(0)
        layers = [layer for _ in range(3) for layer in (nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())]
        return nn.Sequential(*layers, nn.Conv2d(8, 8, 3, padding=1))

    x = torch.randn(2, 8, 32, 32, generator=torch.Generator().manual_seed(0))
    kept = {}
    for methods in ((), (Lean,), (Comet,), (Lean, Comet), (Comet, Lean)):
        model = network()
        for method in methods:
            method().apply(model)
        with counting_saved_bytes(model) as saved:
            model(x)
        kept[methods] = saved.total
    maps = 4 * x.numel()
    assert 4 * maps == kept[()] < kept[Lean,] == 4 * maps + 3 * maps // 32
    assert kept[Comet,] > 3 * maps
    assert kept[Lean, Comet] == kept[Comet, Lean] < maps
