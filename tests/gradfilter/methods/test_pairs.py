"""Every two methods on one network, in either order: they train together, or the pair is refused by name."""

import itertools

import pytest
import torch
from residual_network import make_images, make_residual_network

from gradfilter.errors import ChainInCheckpoint, UnsupportedModel
from gradfilter.methods import DA3, METHODS, Checkpointing, E2Train

# Every method with its defaults, those of several switches once for each.
SWITCHED = {
    "drop": lambda: E2Train(drop=0.5),
    "select": lambda: E2Train(drop=0.0, select=True),
    "signs": lambda: E2Train(drop=0.0, predict_signs=True),
    "gated da3": lambda: DA3(gate="on"),
}
MAKERS = dict({name: method for name, method in METHODS.items() if name != "e2train"}, **SWITCHED)
SAME_INPUT = ("gradient_filter", "comet", "low_rank", "signs")
ADAPTORS = ("da3", "gated da3")
RUNS_TWICE = r"blocks\.2: it runs twice, as blocks\.2 is checkpointed"

# What is refused, in which order, and with which words; gradfilter/methods/README.md has it as a table.
REFUSED = {
    **dict.fromkeys(itertools.permutations(SAME_INPUT, 2), r"stem\.0: it(s input)? is"),
    **{(da3, "gradient_filter"): r"stem\.0: it is a Lean" for da3 in ADAPTORS},
    **{(da3, "lean"): "no frozen Conv2d" for da3 in ADAPTORS},
    **{(da3, "select"): r"blocks\.2: da3 has put an adaptor beside it" for da3 in ADAPTORS},
    **{("select", da3): r"blocks\.2: e2train selects it" for da3 in ADAPTORS},
    **{("checkpointing", later): RUNS_TWICE for later in (*ADAPTORS, "select")},
    **{(deciding, "checkpointing"): "gate would decide anew" for deciding in ("gated da3", "select")},
    **dict.fromkeys(itertools.permutations(("gradient_filter", "checkpointing")), "fuse=False"),
    ("signs", "virtual_pooling"): r"stem\.0: it is a SignedConvolution",
}
PAIRS = [pair for pair in itertools.permutations(MAKERS, 2) if MAKERS[pair[0]]().name != MAKERS[pair[1]]().name]
TOGETHER = [pair for pair in PAIRS if pair not in REFUSED]
named = "{0[0]}+{0[1]}".format


def applied(pair):
    """The methods, and the network with both, in training."""
    torch.manual_seed(0)
    network, methods = make_residual_network(), [MAKERS[name]() for name in pair]
    for method in methods:
        method.apply(network)
    return methods, network.train()


def step(methods, network):
    """A forward and a backward pass with what the methods add to the loss."""
    loss = torch.nn.functional.cross_entropy(network(make_images()), torch.arange(6) % 5)
    for extra in [method.extra_loss(network) for method in methods]:
        loss = loss if extra is None else loss + extra
    loss.backward()
    return loss


@pytest.mark.parametrize("pair", TOGETHER, ids=named)
def test_pairs_that_go_together_train_and_are_removed(pair):
    """
    Loss and gradients are finite, and all that is trained has one. With both removed, the earlier first, the plain
    network's classes are left, and all of it is trained.
    """
    methods, network = applied(pair)
    assert torch.isfinite(step(methods, network))
    trained = {name: parameter.grad for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert [] == [name for name, gradient in trained.items() if gradient is None]
    assert all(torch.isfinite(gradient).all() for gradient in trained.values())
    for method in methods:
        method.remove(network)
    assert [type(module) for module in make_residual_network().modules()] == [type(m) for m in network.modules()]
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("pair", REFUSED, ids=named)
def test_pairs_that_cannot_be_are_refused_by_name(pair):
    """The place is named, or what to do; nothing is left to fail in some other way."""
    with pytest.raises((UnsupportedModel, ChainInCheckpoint), match=REFUSED[pair]):
        step(*applied(pair))


def test_checkpointed_filters_without_chains_train():
    """What the refusal of chains in checkpoints advises works, in either order."""
    for order in (1, -1):
        network = make_residual_network()
        for method in (METHODS["gradient_filter"](fuse=False), Checkpointing())[::order]:
            method.apply(network)
        step([], network.train())
        assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_selected_blocks_leave_chains_exact():
    """Whatever the gates draw, gradients of filtered layers in and around selected blocks are those without chains."""
    found = []
    for fuse in (False, True):
        network = METHODS["gradient_filter"](fuse=fuse).apply(make_residual_network(dtype=torch.float64))
        torch.manual_seed(2)
        network = SWITCHED["select"]().apply(network).double()
        torch.manual_seed(1)
        network.selective_gates.train()
        network(make_images(dtype=torch.float64)).pow(2).sum().backward()
        found.append([parameter.grad for name, parameter in network.named_parameters() if "gates" not in name])
    assert all(torch.allclose(apart, chained, rtol=1e-9) for apart, chained in zip(*found))
