"""Checkpointing: plain training's gradients and statistics, with block inputs kept instead of what is inside."""

import pytest
import torch
from residual_network import make_images, make_residual_network
from torch import nn

from gradfilter.errors import UnsupportedModel
from gradfilter.inspection import counting_saved_bytes
from gradfilter.methods import DA3, Checkpointing, E2Train, changed_layers

FLOAT = 4


def step(network, images):
    """Gradients by name, and bytes kept."""
    with counting_saved_bytes(network) as saved:
        loss = nn.functional.cross_entropy(network(images), torch.arange(len(images)) % 5)
    loss.backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}, saved.total


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("frozen_stem", [False, True], ids=["all", "frozen_stem"])
def test_training_is_the_plain_one(training, frozen_stem):
    """Gradients and moved statistics are plain training's, also where a block's input has no gradient."""
    found = []
    for network in (make_residual_network(), Checkpointing().apply(make_residual_network())):
        network.train(training)
        network.stem.requires_grad_(requires_grad=not frozen_stem)
        gradients, _ = step(network, make_images())
        found.append({**gradients, **{"buffer " + name: value for name, value in network.named_buffers()}})
    assert list(found[0]) == list(found[1])
    for name, value in found[0].items():
        assert torch.allclose(value, found[1][name], rtol=1e-5, atol=1e-6), name


def test_blocks_keep_their_inputs_alone():
    """Of three blocks, the maps that enter them; stem, head and loss keep what they kept."""
    images = make_images()
    inputs = 6 * (8 * 12 * 12 + 8 * 12 * 12 + 12 * 6 * 6) * FLOAT
    around = nn.Sequential(make_residual_network().stem[0], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    _, beside = step(around, images)
    # The head sees 12 channels here and 8 there; the stem's ReLU keeps its output, which is the first block's input.
    anchors = 3 * FLOAT
    expected = inputs + beside + 6 * (12 - 8) * FLOAT
    _, kept = step(Checkpointing().apply(make_residual_network()), images)
    assert expected <= kept <= expected + anchors
    assert kept < step(make_residual_network(), images)[1] / 2


def test_random_numbers_are_drawn_once():
    """Dropout inside a part drops the same in both runs, and leaves the generator where plain training does."""
    found = []
    for method in (None, Checkpointing(parts=["0"])):
        network = nn.Sequential(nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5)), nn.Linear(8, 5))
        torch.manual_seed(0)
        for layer in (network[0][0], network[1]):
            layer.reset_parameters()
        if method is not None:
            method.apply(network)
        gradients, _ = step(network, torch.ones(3, 4))
        found.append((gradients["0.0.weight"], torch.rand(1)))
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (None, "no residual blocks. Name its parts"),
        (["2.*"], r"2\.\*: no module has this name"),
        (["0", "0.0"], "0.0: it is inside 0, which is a part too"),
    ],
)
def test_parts_that_cannot_be_are_refused(parts, sentence):
    """A network without blocks needs names; names must be there, and apart."""
    with pytest.raises(UnsupportedModel, match=sentence):
        Checkpointing(parts=parts).apply(nn.Sequential(nn.Sequential(nn.Conv2d(3, 3, 1)), nn.ReLU()))


def test_chosen_parts_alone_run_twice():
    """By pattern; evaluation without gradients runs everything once."""
    network, calls = Checkpointing(parts=["blocks.[01]"]).apply(make_residual_network()), []
    for block in network.blocks:
        block.conv1.register_forward_hook(lambda *_: calls.append(1))
    step(network, make_images())
    assert (["blocks.0", "blocks.1"], 5) == ([layer.name for layer in changed_layers(network)], len(calls))
    with torch.no_grad():
        network(make_images())
    assert 8 == len(calls)


SELECT = E2Train(drop=0.0, select=True)
GATE = DA3(gate="on")


@pytest.mark.parametrize("deciding", [SELECT, GATE], ids=["select", "gate"])
@pytest.mark.parametrize("parts", [None, ["blocks"], ["blocks.2"]], ids=["default", "around", "block"])
def test_gates_are_not_asked_twice(deciding, parts):
    """Parts with a gate inside are refused by the gate's place, and a gate in a part by its block, in either order."""
    for first, second in ((deciding, Checkpointing(parts=parts)), (Checkpointing(parts=parts), deciding)):
        network = first.apply(make_residual_network())
        with pytest.raises(UnsupportedModel, match=r"blocks\.2"):
            second.apply(network)
        assert all(layer.change.startswith(first.name) for layer in changed_layers(network))


def test_parts_beside_gates_run_twice():
    """The stem may be checkpointed beside selective blocks, before them or after; the gates' loss has its gradient."""
    for first, second in ((SELECT, Checkpointing(parts=["stem"])), (Checkpointing(parts=["stem"]), SELECT)):
        network = second.apply(first.apply(make_residual_network())).train()
        network(make_images())
        SELECT.extra_loss(network).backward()
        assert network.selective_gates.score.bias.grad.abs().sum() > 0


def test_adaptors_without_gates_run_twice_alike():
    """Gradients of adapted blocks are those without checkpointing; the other order is refused."""
    found = []
    for method in (None, Checkpointing(parts=["blocks.[012]"])):
        torch.manual_seed(0)
        network = DA3().apply(make_residual_network())
        for block in network.blocks:
            nn.init.normal_(block.adaptor.wide.weight)
        found.append(step(network if method is None else method.apply(network), make_images())[0])
    assert list(found[0]) == list(found[1])
    assert all(torch.allclose(value, found[1][name], rtol=1e-5, atol=1e-6) for name, value in found[0].items())
    with pytest.raises(UnsupportedModel, match=r"blocks\.0: it runs twice.*Apply da3 before"):
        DA3().apply(Checkpointing().apply(make_residual_network()))
