"""Lean layers against PyTorch's own: the same bits forward, the same gradients, and the bytes that each keeps."""

import copy
import pickle

import pytest
import torch
from torch import nn

from gradfilter.inspection import counting_saved_bytes
from gradfilter.lean import make_lean, restore_plain

N, C, H, W = 3, 8, 12, 10
MAP = N * C * H * W * 4
BITS = N * C * H * W // 8
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

# Of each layer: how to make it, bytes that stock PyTorch keeps, bytes that its twin keeps. Parameters not counted.
LAYERS = {
    "convolution": (lambda: nn.Conv2d(C, 6, 3), MAP, 0),
    "strided convolution": (lambda: nn.Conv2d(C, 6, 3, stride=2, padding=1), MAP, 0),
    "dilated convolution": (lambda: nn.Conv2d(C, 6, (3, 5), dilation=2, padding=(1, 2)), MAP, 0),
    "convolution that leaves pixels over": (lambda: nn.Conv2d(C, 6, 2, stride=(3, 4)), MAP, 0),
    "depthwise convolution": (lambda: nn.Conv2d(C, C, 3, padding=1, groups=C, bias=False), MAP, 0),
    "grouped convolution": (lambda: nn.Conv2d(C, 4, 3, groups=2), MAP, 0),
    "pointwise convolution": (lambda: nn.Conv2d(C, 6, 1), MAP, 0),
    "normalisation": (lambda: moved(nn.BatchNorm2d(C)), MAP, 0),
    "normalisation without weight": (lambda: moved(nn.BatchNorm2d(C, affine=False)), MAP, 0),
    "relu": (nn.ReLU, MAP, BITS),
    "relu6": (nn.ReLU6, MAP, BITS),
    "leaky relu": (lambda: nn.LeakyReLU(0.1), MAP, BITS),
    "max pooling": (lambda: nn.MaxPool2d(2), MAP + MAP // 4 * 2, MAP // 16),
    "overlapping max pooling": (lambda: nn.MaxPool2d(3, 2, 1), MAP + MAP // 4 * 2, MAP // 16),
    "average pooling": (lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False), MAP, 0),
    "average pooling with a border": (lambda: nn.AvgPool2d((2, 3), ceil_mode=True), MAP, 0),
    "adaptive average pooling": (lambda: nn.AdaptiveAvgPool2d((3, 4)), MAP, 0),
}
layers = pytest.mark.parametrize("layer", LAYERS, ids=lambda name: name.replace(" ", "_"))


def moved(norm):
    """A normalisation in evaluation whose numbers are not those of a fresh one."""
    for tensor in norm.state_dict().values():
        if tensor.dtype == torch.float32:
            tensor.uniform_(0.5, 2, generator=torch.Generator().manual_seed(1))
    return norm.eval()


def frozen(layer):
    torch.manual_seed(0)
    module = LAYERS[layer][0]()
    for parameter in module.parameters():
        parameter.requires_grad = False
    return module


def lean(module):
    assert [""] == list(make_lean(module))
    return module


def maps(layout="contiguous", dtype=torch.float32):
    x = torch.randn(N, C, H, W, generator=torch.Generator().manual_seed(2), dtype=dtype) * 4
    x[0, 0, 0, :4] = torch.tensor([0.0, 6.0, 3.0, -3.0], dtype=dtype)  # where activations have their kinks
    return x.contiguous(memory_format=LAYOUTS[layout]).requires_grad_()


def run(module, x):
    """Output, gradient of a fixed weighted sum by the input, and bytes kept."""
    with counting_saved_bytes(module) as saved:
        y = module(x)
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(3), dtype=y.dtype)
    (dx,) = torch.autograd.grad(y, x, dy, retain_graph=True)
    return y, dx, saved.total


@layers
@pytest.mark.parametrize("layout", LAYOUTS)
def test_output_is_the_same_and_the_gradient_too(layer, layout):
    """Bit for bit forward; backward the same numbers, but for the order of a sum."""
    plain, ours = run(frozen(layer), maps(layout)), run(lean(frozen(layer)), maps(layout))
    assert torch.equal(plain[0], ours[0])
    assert torch.allclose(plain[1], ours[1], rtol=1e-5, atol=1e-5)


@layers
def test_double_precision_gradients_agree(layer):
    """In float64 nothing is left but rounding."""
    (_, plain, _), (_, ours, _) = (
        run(module.double(), maps(dtype=torch.float64)) for module in (frozen(layer), lean(frozen(layer)))
    )
    assert torch.allclose(plain, ours, rtol=1e-12, atol=1e-12)


@layers
@pytest.mark.parametrize("layout", LAYOUTS)
def test_kept_bytes_are_those_of_the_table(layer, layout):
    """Stock PyTorch keeps the whole input of a frozen layer; the twin what its gradient needs."""
    _, stock, ours = LAYERS[layer]
    assert stock == run(frozen(layer), maps(layout))[2]
    assert ours == run(lean(frozen(layer)), maps(layout))[2]


@layers
def test_second_derivative_is_pytorchs(layer):
    """A penalty on a gradient can be differentiated, as with the plain layer."""
    found = []
    for module in (frozen(layer), lean(frozen(layer))):
        x = maps(dtype=torch.float64)
        (dx,) = torch.autograd.grad(module.double()(x * x).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(dx.pow(2).sum(), x)[0])
    assert torch.allclose(found[0], found[1], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", [nn.ReLU, nn.ReLU6, nn.LeakyReLU])
def test_activation_in_place_changes_its_input(kind):
    """With inplace=True the same memory holds the result, and the gradient is the same."""
    x = maps()
    before = x * 1
    y = lean(kind(inplace=True))(before)
    assert before.data_ptr() == y.data_ptr()
    expected = kind()(x * 1)
    assert torch.equal(expected, y)
    assert torch.equal(torch.autograd.grad(expected.sum(), x)[0], torch.autograd.grad(y.sum(), x)[0])


@pytest.mark.parametrize("layer", ["convolution", "normalisation"])
def test_trained_bias_gets_its_gradient_without_an_input_kept(layer):
    """A frozen weight with a trained bias, as in bias-only training: sums of the gradient, and nothing kept."""
    plain, ours = frozen(layer), lean(frozen(layer))
    for module in (plain, ours):
        module.bias.requires_grad = True
        assert run(module, maps())[2] == (0 if module is ours else MAP)
        module(maps()).pow(2).sum().backward()
    assert torch.allclose(plain.bias.grad, ours.bias.grad, rtol=1e-5)


@pytest.mark.parametrize("layer", ["convolution", "normalisation"])
def test_layer_that_is_trained_after_all_trains(layer):
    """A weight unfrozen later gets PyTorch's own gradient, and its input is kept again."""
    plain, ours = frozen(layer), lean(frozen(layer))
    for module in (plain, ours):
        module.weight.requires_grad = True
        assert MAP == run(module, maps())[2]
        module(maps()).pow(2).sum().backward()
    assert torch.equal(plain.weight.grad, ours.weight.grad)


def test_normalisation_by_the_batch_is_pytorchs_own():
    """In training mode the statistics depend on the input, which is kept, and they move."""
    plain, ours = frozen("normalisation").train(), lean(frozen("normalisation")).train()
    for expected, got in zip(run(plain, maps())[:2], run(ours, maps())[:2]):
        assert torch.equal(expected, got)
    assert torch.equal(plain.running_mean, ours.running_mean)


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(C, C, 1),
        nn.Conv2d(C, C, 3, padding=1, padding_mode="circular").requires_grad_(requires_grad=False),
        nn.Conv2d(C, C, 3, padding="same").requires_grad_(requires_grad=False),
        nn.BatchNorm2d(C),
        nn.BatchNorm2d(C, track_running_stats=False).requires_grad_(requires_grad=False),
        nn.SiLU(),
        nn.Hardsigmoid(),
        nn.MaxPool2d(3, dilation=2),
        nn.MaxPool2d(3, ceil_mode=True),
        nn.MaxPool2d(16),
        nn.Linear(C, C),
        type("OwnConv2d", (nn.Conv2d,), {})(C, C, 1).requires_grad_(requires_grad=False),
    ],
    ids=str,
)
def test_layer_with_nothing_to_gain_stays(module):
    """What is trained, smooth, pooled with more than a byte can tell, or of a class not known, is left alone."""
    kind = type(module)
    assert {} == make_lean(module)
    assert kind is type(module)


def test_copies_and_state_are_those_of_the_plain_layer():
    """A lean network copies and pickles, keeps its state dict's keys, and becomes plain again."""
    network = nn.Sequential(
        frozen("convolution"), nn.BatchNorm2d(6).requires_grad_(requires_grad=False), nn.ReLU()
    ).eval()
    keys, kinds = list(network.state_dict()), [type(module) for module in network]
    assert {"0": "nothing", "1": "nothing in evaluation", "2": "a bit per value"} == make_lean(network)
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert keys == list(twin.state_dict())
        assert torch.equal(network(maps()), twin(maps()))
    restore_plain(network, ["0", "1", "2"])
    assert kinds == [type(module) for module in network]


def test_lean_convolution_takes_autocast():
    """Under bfloat16 autocast output and gradients have the plain convolution's types and nearly its numbers."""
    found = []
    for module in (frozen("convolution"), lean(frozen("convolution"))):
        x = maps()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = module(x)
        (dx,) = torch.autograd.grad(y.float().sum(), x)
        found.append((y, dx))
    assert (torch.bfloat16, torch.float32) == (found[1][0].dtype, found[1][1].dtype)
    assert torch.equal(found[0][0], found[1][0])
    assert torch.allclose(found[0][1], found[1][1], rtol=0.02, atol=0.02)
