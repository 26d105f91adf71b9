"""The lean method on whole networks: what a step keeps, by hand, and company with gradient filtering."""

import pytest
import torch
from torch import nn

from gradfilter.errors import UnsupportedModel
from gradfilter.inspection import counting_saved_bytes
from gradfilter.methods import GradientFilter, Lean, changed_layers

N, SIZE = 2, 16
FLOAT = 4


def make_network(dtype=torch.float32):
    """Two blocks of convolution, BatchNorm and ReLU, pooling, and a head: three to eight channels, then sixteen."""
    torch.manual_seed(0)
    blocks = [(3, 8), (8, 16)]
    layers = [
        layer
        for before, after in blocks
        for layer in (nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
    ]
    layers.insert(3, nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5)).to(dtype).eval()


def train_only(network, chosen):
    for name, parameter in network.named_parameters():
        parameter.requires_grad = chosen(name)
    return network


def biases_and_head(name):
    return name.endswith("bias") or name.startswith("9.")


def step(network, dtype=torch.float32, images=None):
    """Bytes kept for a step, and the gradients of what is trained."""
    if images is None:
        images = torch.randn(N, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1), dtype=dtype)
    with counting_saved_bytes(network) as saved:
        loss = nn.functional.cross_entropy(network(images), torch.arange(N))
    network.zero_grad()
    loss.backward()
    return saved.total, {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def test_biases_alone_need_bits_and_bytes():
    """
    Bias-only training keeps a bit per activated value, a byte per pooling window, and what head and loss keep.
    Stock PyTorch keeps every map: the image, both convolutions' outputs, what is pooled with its 8-byte places, both
    maps behind a ReLU.
    """
    first, pooled, second = N * 8 * SIZE**2, N * 8 * SIZE**2 // 4, N * 16 * SIZE**2 // 4
    head_and_loss, _ = step(make_network()[9:], images=torch.rand(N, 16))
    stock, _ = step(train_only(make_network(), biases_and_head))
    ours, _ = step(Lean().apply(train_only(make_network(), biases_and_head)))
    images = N * 3 * SIZE**2
    maps = images + first + first + pooled + second + second
    assert (maps * FLOAT + pooled * 8 + head_and_loss) == stock
    assert first // 8 + pooled + second // 8 + head_and_loss == ours


def test_gradients_stay_exact():
    """Every trained parameter gets the plain network's gradient."""
    _, plain = step(train_only(make_network(torch.float64), biases_and_head), torch.float64)
    _, ours = step(Lean().apply(train_only(make_network(torch.float64), biases_and_head)), torch.float64)
    assert list(plain) == list(ours)
    for name, gradient in plain.items():
        assert torch.allclose(gradient, ours[name], rtol=1e-12, atol=1e-15), name


@pytest.mark.parametrize("methods", [(GradientFilter(last=1), Lean()), (Lean(), GradientFilter(last=1))], ids=str)
def test_filtered_layers_keep_their_filter(methods):
    """With gradient filtering beside it, in either order, gradients are those of filtering alone."""
    networks = [
        train_only(make_network(torch.float64), lambda name: name in {"4.weight", "9.weight"}) for _ in range(2)
    ]
    GradientFilter(last=1).apply(networks[0])
    for method in methods:
        method.apply(networks[1])
    (_, filtered), (_, both) = (step(network, torch.float64) for network in networks)
    for name, gradient in filtered.items():
        assert torch.allclose(gradient, both[name], rtol=1e-9, atol=1e-12), name


def test_record_says_what_each_layer_keeps():
    """Frozen layers, activations and pooling are named; the trained convolution is not."""
    network = Lean().apply(train_only(make_network(), lambda name: name.startswith("4.")))
    assert {
        "0": "lean keeps nothing",
        "1": "lean keeps nothing in evaluation",
        "2": "lean keeps a bit per value",
        "3": "lean keeps a byte per window",
        "5": "lean keeps nothing in evaluation",
        "6": "lean keeps a bit per value",
        "7": "lean keeps nothing",
    } == {layer.name: layer.change for layer in changed_layers(network)}


def test_model_without_anything_to_gain_is_refused():
    """A trained convolution alone has no lean twin, and the refusal says what would."""
    with pytest.raises(UnsupportedModel, match="has no frozen Conv2d or BatchNorm2d"):
        Lean().apply(nn.Sequential(nn.Conv2d(3, 3, 1)))
