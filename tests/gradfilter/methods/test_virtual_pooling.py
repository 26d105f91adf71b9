"""Virtual pooling as a method: which layers, what it refuses, the published choices, and whole networks."""

import pytest
import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.models import build_model
from gradfilter.bench.schema import MethodedLayer
from gradfilter.errors import UnsupportedModel
from gradfilter.inspection import step_flops
from gradfilter.methods import Comet, GradientFilter, Lean, VirtualPooling, changed_layers
from gradfilter.virtual import is_virtual


def virtual_names(model):
    return [name for name, module in model.named_modules() if is_virtual(module)]


def test_chosen_layers_are_virtual_and_recorded(small_network):
    """The last two, in the order of the model; the others compute bit for bit what they did."""
    model = VirtualPooling(last=2).apply(small_network())
    expected = ["block.pointwise", "last"]
    assert expected == virtual_names(model)
    assert [MethodedLayer(name, "virtual_pooling stride ×2") for name in expected] == changed_layers(model)
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(small_network().stem(x), model.stem(x))


def test_subclass_is_refused_by_name():
    """A layer that may not keep to its stride is named, and nothing is changed."""

    class Other(nn.Conv2d):
        pass

    model = nn.Sequential(nn.Conv2d(3, 3, 1), Other(3, 3, 1))
    with pytest.raises(UnsupportedModel, match="1: it is a Other"):
        VirtualPooling().apply(model)
    assert [] == virtual_names(model)


@pytest.mark.parametrize(
    "methods",
    [
        (VirtualPooling, GradientFilter),
        (GradientFilter, VirtualPooling),
        (VirtualPooling, Comet),
        (Comet, VirtualPooling),
        (Lean, VirtualPooling),
        (VirtualPooling, Lean, Comet),
    ],
    ids=lambda methods: "+".join(method.name for method in methods),
)
def test_other_methods_go_with_it_in_any_order(methods, small_network):
    """On the same layers: a step trains, and removing all of them brings the plain network back."""
    model = small_network()
    for method in methods:
        method().apply(model)
    loss = model(torch.randn(2, 3, 21, 21)).pow(2).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    for method in methods:
        method().remove(model)
    x = torch.randn(2, 3, 21, 21)
    plain = small_network()
    assert torch.equal(plain(x), model(x))
    assert [type(module) for module in plain.modules()] == [type(module) for module in model.modules()]


class Vgg(nn.Module):
    """VGG16's thirteen convolutions under the names of timm and torchvision, a sixteenth as wide."""

    def __init__(self):
        super().__init__()
        layers, channels = [], 3
        for width in (4, 4, None, 8, 8, None, 16, 16, 16, None, 32, 32, 32, None, 32, 32, 32, None):
            if width is None:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
                channels = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(channels, 10)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """Builds timm's resnet18 in evaluation, ten classes."""
    folder = tmp_path_factory.mktemp("board")
    return lambda: build_model("resnet18", 10, 0, Board(folder, folder, folder)).eval()


def convolution_flops(model, x):
    layers = step_flops(model, lambda network: network(x).sum()).layers
    kinds = dict(model.named_modules())
    return sum(cost.forward + cost.backward for name, cost in layers.items() if isinstance(kinds[name], nn.Conv2d))


def test_resnet_computes_a_quarter(resnet):
    """Every convolution virtual: the output is as large, and convolutions' operations are about a quarter."""
    x = torch.randn(1, 3, 64, 64)
    plain, virtual = resnet(), VirtualPooling().apply(resnet())
    assert plain(x).shape == virtual(x).shape
    assert 3.5 < convolution_flops(plain, x) / convolution_flops(virtual, x) <= 4


def test_vgg_computes_a_quarter_of_what_the_published_rounds_chose():
    """Each round adds to the one before, and the last leaves conv2_1 alone; chosen layers cost a quarter."""
    x = torch.randn(1, 3, 64, 64)
    plain, costs, counts = Vgg(), [], []
    for number in (1, 2, 3, 4):
        model = VirtualPooling(preset=f"vgg16-round-{number}").apply(Vgg())
        counts.append(virtual_names(model))
        costs.append(convolution_flops(model, x))
    assert [6, 9, 10, 12] == [len(names) for names in counts]
    convolutions = [name for name, module in plain.named_modules() if isinstance(module, nn.Conv2d)]
    assert ["features.5"] == [name for name in convolutions if name not in counts[-1]]
    assert costs == sorted(costs, reverse=True)
    assert 2.5 < convolution_flops(plain, x) / costs[-1] < 4


def test_preset_excludes_another_choice():
    """A preset chooses the layers, and only presets that there are can be chosen."""
    with pytest.raises(ValueError, match="preset 'vgg16-round-1' already chooses the layers"):
        VirtualPooling(preset="vgg16-round-1", last=2)
    with pytest.raises(ValueError, match="preset must be one of vgg16-round-1"):
        VirtualPooling(preset="vgg16")
