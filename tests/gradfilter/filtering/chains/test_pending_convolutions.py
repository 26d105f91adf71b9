"""Convolutions wait until their output is asked for; what nobody can ask for any more is written over."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from gradfilter.errors import ChangedInPlace
from gradfilter.filtering.chains.branches import Branch, LayerRun
from gradfilter.filtering.chains.fusing import layers_apart
from gradfilter.filtering.chains.holders import holders
from gradfilter.filtering.chains.values import Blend
from gradfilter.filtering.native import native_facts
from gradfilter.filtering.passes import Activation
from gradfilter.filtering.patches import PatchAxis, PatchGrid
from gradfilter.methods import GradientFilter

EXACT = 1e-9


def network(forward, channels=16):
    """Two filtered convolutions with normalisation between them, and the code that calls them."""

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(3, channels, 3), nn.Conv2d(channels, channels, 3, padding=1)
            self.norm = nn.BatchNorm2d(channels)

        def forward(self, x):
            return forward(self, x)

    return Network().double()


def plain_code(net, x):
    x = net.first(x)
    x = net.norm(x)
    x = torch.relu(x)
    x = net.last(x)
    return x + 0


def keeps_the_output_of_the_convolution(net, x):
    y = net.first(x)
    return net.last(torch.relu(net.norm(y))) + y * 2


def keeps_what_was_normalised(net, x):
    z = net.norm(net.first(x))
    return net.last(torch.relu(z)) + z * 2


def keeps_what_was_activated(net, x):
    a = torch.relu(net.norm(net.first(x)))
    return net.last(a) + a * 2


def keeps_it_in_a_list(net, x):
    kept = [net.norm(net.first(x))]
    kept.append(torch.nn.functional.silu(kept[-1]))
    kept.append(net.last(kept[-1]))
    return torch.cat([part * 1 for part in kept], 1)


def gives_it_to_two_convolutions(net, x):
    a = torch.relu(net.norm(net.first(x)))
    return net.last(a) * net.last(a)


def changes_it_in_place_while_it_waits(net, x):
    z = net.norm(net.first(x))
    waiting = net.last(z)
    z.relu_()
    return waiting * 1 + z * 2


def changes_the_image_while_it_waits(net, x):
    image = x * 1
    waiting = net.first(image)
    image.zero_()
    return net.last(torch.relu(net.norm(waiting))) * 1


def changes_an_addend_while_it_waits(net, x):
    addend = x.mean(1, keepdim=True).repeat(1, 16, 1, 1)[:, :, 2:, 2:] * 1
    waiting = net.last(torch.relu(net.norm(net.first(x)) + addend))
    addend.mul_(3)
    return waiting * addend


def asks_for_nothing_of_it(net, x):
    a = torch.relu(net.norm(net.first(x)))
    net.last(a)
    return a * 1


def uses_what_was_normalised_and_lets_it_go(net, x):
    x = net.norm(net.first(x))
    gate = torch.sigmoid(x)
    x = torch.relu(x)
    x = net.last(x)
    return x * gate


def replaces_a_weight_for_the_call(net, x):
    x = torch.relu(net.norm(net.first(x)))
    weight = net.last.weight.data
    net.last.weight.data = weight.sign()
    waiting = net.last(x)
    net.last.weight.data = weight
    return waiting * 1


def asks_for_it_from_threads(net, x):
    x = torch.relu(net.norm(net.first(x)))
    x = net.last(x)
    with ThreadPoolExecutor(8) as threads:
        return sum(threads.map(lambda factor: x * factor, range(8)))


def asks_for_it_in_inference_mode(net, x):
    waiting = net.last(torch.relu(net.norm(net.first(x))))
    with torch.inference_mode():
        scale = float(waiting.abs().max())
    return net.last(torch.relu(waiting)) * scale


def asks_for_it_without_gradients(net, x):
    waiting = net.last(torch.relu(net.norm(net.first(x))))
    with torch.no_grad():
        scale = waiting.abs().max()
    return waiting * scale


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "code",
    [
        plain_code,
        keeps_the_output_of_the_convolution,
        keeps_what_was_normalised,
        keeps_what_was_activated,
        keeps_it_in_a_list,
        gives_it_to_two_convolutions,
        changes_it_in_place_while_it_waits,
        changes_the_image_while_it_waits,
        changes_an_addend_while_it_waits,
        uses_what_was_normalised_and_lets_it_go,
        replaces_a_weight_for_the_call,
        asks_for_nothing_of_it,
        asks_for_it_from_threads,
        asks_for_it_in_inference_mode,
        asks_for_it_without_gradients,
    ],
    ids=lambda code: code.__name__,
)
def test_whatever_the_code_keeps(code, training, compare_with_layers_apart):
    """Outputs and gradients are those of layers that compute at once."""
    net = network(code).train(training)
    images = torch.randn(2, 3, 12, 12).double().to(memory_format=torch.channels_last)
    assert max(compare_with_layers_apart(net, images)) < EXACT


@pytest.mark.parametrize("watches_all", [False, True])
def test_a_layer_that_is_watched_computes_at_once(watches_all):
    """A forward hook, of the layer or of all modules, finds the layer's work done, in place of in the one after it."""
    model = GradientFilter(patch_size=4).apply(network(plain_code))
    seen, computed = [], []

    def hook(layer, *_):
        if layer is model.last:
            seen.append(list(computed))

    watching = register_module_forward_hook(hook) if watches_all else model.last.register_forward_hook(hook)
    with torch.autograd.graph.saved_tensors_hooks(lambda kept: computed.append("something") or kept, lambda kept: kept):
        model(torch.randn(2, 3, 12, 12).double())
    watching.remove()
    assert seen[0]
    assert len(computed) == len(seen[0])


def test_a_map_of_other_channels_is_refused_where_the_layer_is_called():
    """In torch's words, and not in the layer after it."""

    def code(net, x):
        x = torch.relu(net.norm(net.first(x)))
        try:
            net.first(x)
        except RuntimeError as error:
            return x * 0, str(error)
        return x * 0, ""

    _, words = GradientFilter(patch_size=4).apply(network(code))(torch.randn(2, 3, 12, 12).double())
    assert "channels" in words


def test_an_addend_that_is_changed_too_early_is_refused():
    """Nothing is computed yet when it is added: better an error than another sum."""

    def code(net, x):
        addend = x.mean(1, keepdim=True)[:, :, 2:, 2:].repeat(1, 16, 1, 1)
        total = net.norm(net.first(x)) + addend
        addend.mul_(3)
        return net.last(total) * 1

    with pytest.raises(ChangedInPlace, match=r"tensor \[2, 16, 10, 10\].*fuse=False"):
        GradientFilter(patch_size=4).apply(network(code))(torch.randn(2, 3, 12, 12).double())


def test_a_weight_that_is_changed_while_its_layer_waits_is_refused():
    """The output would be that of another weight: better an error, also where no backward pass needs the weight."""

    def code(net, x):
        waiting = net.last(torch.relu(net.norm(net.first(x))))
        net.last.weight.mul_(2)
        return waiting * 1

    model = GradientFilter(patch_size=4).apply(network(code))
    model.last.requires_grad_(requires_grad=False)
    with pytest.raises(ChangedInPlace, match=r"weight \[16, 16, 3, 3\].*fuse=False"):
        model(torch.randn(2, 3, 12, 12).double())


def test_as_when_it_was_called_under_autocast(gradients_of):
    """A convolution that is asked for under autocast was called outside, and computes in its own type."""

    def code(net, x):
        waiting = net.last(torch.relu(net.norm(net.first(x))))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return waiting * 1

    model = GradientFilter(patch_size=4).apply(network(code).float())
    images = torch.randn(2, 3, 12, 12)
    apart = copy.deepcopy(model)
    with layers_apart():
        expected, _ = gradients_of(apart, images)
    torch.testing.assert_close(gradients_of(model, images)[0], expected)


def blend(y):
    """relu(y), of a convolution's output y in channels_last."""
    y = y.contiguous(memory_format=torch.channels_last)
    grid = PatchGrid(PatchAxis(8, 4, 2), PatchAxis(8, 4, 2))
    token = torch.zeros(2, 16, 2, 2, requires_grad=True)
    return Blend([Branch(y, token, grid, LayerRun(token))], (), Activation("relu")), grid


def test_written_over_where_nobody_else_holds_it():
    """The activated map lies where the convolution's output did."""
    value, grid = blend(torch.randn(2, 16, 8, 8))
    value.serve_once()
    y = value.branches[0].y
    assert value.averaged(grid)
    is_native = native_facts()["passes"] == "native"  # PyTorch's operators make a new map all the same
    assert is_native == (value.map.data_ptr() == y.data_ptr())


@pytest.mark.parametrize("holds", [lambda value: value.branches[0], lambda value: value.branches[0].y])
def test_not_written_over_where_somebody_does(holds):
    """Who holds the branch or its map can still ask for it as it was."""
    value, grid = blend(torch.randn(2, 16, 8, 8))
    held, before = holds(value), value.branches[0].y.clone()
    value.serve_once()
    assert value.averaged(grid)
    assert value.map.data_ptr() != value.branches[0].y.data_ptr()
    assert torch.equal(before, held if isinstance(held, torch.Tensor) else held.y)


def test_holders():
    """Variables, containers and attributes count; the list itself does not."""
    thing = object()
    boxed = [thing]
    assert holders(boxed) == 1
    also = {"held": thing}
    assert holders(boxed) == 2
    del thing, also
    assert holders(boxed) == 0
