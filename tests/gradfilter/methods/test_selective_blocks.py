"""Selective blocks against a slow reference that runs one sample after another, and what skipping saves."""

import copy
import pickle

import pytest
import torch
from residual_network import make_images, make_residual_network
from torch import nn

from gradfilter.errors import UnsupportedModel
from gradfilter.inspection import counting_saved_bytes
from gradfilter.inspection.layer_flops import call_flops
from gradfilter.inspection.step_flops import recording_calls
from gradfilter.methods import E2Train, changed_layers
from gradfilter.methods.selective_blocks import straight_through

SELECT = {"drop": 0.0, "select": True}
BLOCKS = ("blocks.1", "blocks.2")


def selective(dtype=torch.float32, **options):
    torch.manual_seed(3)
    network = E2Train(**dict(SELECT, **options)).apply(make_residual_network(dtype=dtype))
    return network.to(dtype)


def force(network, score):
    """Let the gates' score be one number whatever they see."""
    nn.init.zeros_(network.selective_gates.score.weight)
    nn.init.constant_(network.selective_gates.score.bias, score)
    return network


def gates_training(network):
    """The network in evaluation, but for its gates, which draw."""
    network.eval().selective_gates.train()
    return network


def last_decisions(network):
    return [decision.detach().round().bool() for decision in network.selective_gates.take_decisions()]


def one_by_one(network, images, decisions):
    """The slow reference: every sample by itself, through the plain network's blocks that it was let through."""
    plain, outputs = make_residual_network(dtype=images.dtype), []
    plain.load_state_dict({key: value for key, value in network.state_dict().items() if "gates" not in key})
    for sample, image in enumerate(images):
        x = plain.blocks[0](plain.stem(image[None]))
        for block, decision in zip(plain.blocks[1:], decisions):
            shortcut = x if block.downsample is None else block.downsample(x)
            x = block(x) if decision[sample] else shortcut
        outputs.append(plain.head(x.mean((2, 3))))
    return torch.cat(outputs)


def test_open_gates_give_the_plain_network():
    """With every gate at 1 the output is the plain network's, bit for bit."""
    network, images = force(gates_training(selective()), 200.0), make_images()
    assert torch.equal(make_residual_network()(images), network(images))


def test_statistics_move_once_a_step():
    """With every gate at 1 all running statistics are plain training's, also those on a projection."""
    plain, network = make_residual_network().train(), force(selective().train(), 200.0)
    outputs = [trained(make_images()) for trained in (plain, network)]
    assert torch.allclose(*outputs, atol=1e-6)
    moved = dict(network.named_buffers())
    for name, expected in plain.named_buffers():
        assert torch.allclose(expected, moved[name], rtol=1e-6), name


@pytest.mark.parametrize("seed", range(4))
def test_projections_count_a_step_once_whatever_gates_draw(seed):
    """Let through or not, a projection's normalisation has seen one batch more."""
    network = selective().train()
    torch.manual_seed(seed)
    network(make_images()).sum().backward()
    assert 1 == network.blocks[1].downsample[1].num_batches_tracked


def test_closed_gates_leave_the_shortcuts():
    """With every gate at 0 only the first block and the shortcuts are left, and skipped blocks get no gradient."""
    network, images = force(gates_training(selective()), -200.0), make_images()
    plain = make_residual_network()
    expected = plain.head(plain.blocks[1].downsample(plain.blocks[0](plain.stem(images))).mean((2, 3)))
    assert torch.allclose(expected, network(images), rtol=1e-6)
    network(images).sum().backward()
    assert network.blocks[0].conv1.weight.grad is not None
    assert network.blocks[1].downsample[0].weight.grad is not None
    assert [None, None] == [network.blocks[block].conv1.weight.grad for block in (1, 2)]


@pytest.mark.parametrize("seed", range(4))
def test_gathered_rows_give_what_one_by_one_gives(seed):
    """Whatever the gates draw, gathering changes nothing: outputs and weight gradients of the slow reference."""
    network, images = gates_training(selective(torch.float64)), make_images(dtype=torch.float64)
    torch.manual_seed(seed)
    outputs = network(images)
    decisions = last_decisions(network)
    assert torch.allclose(one_by_one(network, images, decisions), outputs, rtol=1e-9)
    (gradient,) = torch.autograd.grad(outputs.pow(2).sum(), network.blocks[2].conv2.weight, allow_unused=True)
    run = images[decisions[1]]
    assert bool(len(run)) == (gradient is not None)


def test_weight_gradients_are_those_of_the_samples_let_through():
    """With gates that look at nothing, the network learns from the samples that ran, as the formula's mask says."""
    network, images = force(gates_training(selective(torch.float64)), 0.3), make_images(dtype=torch.float64)
    outputs = network(images)
    decisions = last_decisions(network)
    assert 0 < decisions[1].sum() < len(images)
    outputs.pow(2).sum().backward()
    masked = make_residual_network(dtype=torch.float64)
    x = masked.blocks[0](masked.stem(images))
    for block, decision in zip(masked.blocks[1:], decisions):
        shortcut, mask = x if block.downsample is None else block.downsample(x), decision.double().view(-1, 1, 1, 1)
        x = mask * block(x) + (1 - mask) * shortcut
    masked.head(x.mean((2, 3))).pow(2).sum().backward()
    for name, parameter in masked.named_parameters():
        assert torch.allclose(parameter.grad, dict(network.named_parameters())[name].grad, rtol=1e-9, atol=1e-12), name


def test_gate_learns_from_the_samples_that_it_let_through():
    """Its gradient is the sum of dy · (F − shortcut) over them, handed on by the straight-through rule."""
    network, images = force(gates_training(selective(torch.float64)), 0.3), make_images(dtype=torch.float64)
    outputs = network(images)
    decisions = last_decisions(network)
    weights = torch.ones((), dtype=torch.float64, requires_grad=True)
    plain = make_residual_network(dtype=torch.float64)
    x = plain.blocks[0](plain.stem(images))
    for block, decision in zip(plain.blocks[1:], decisions):
        shortcut = x if block.downsample is None else block.downsample(x)
        gate = (decision.double() * weights).view(-1, 1, 1, 1)
        x = torch.where(decision.view(-1, 1, 1, 1), gate * block(x) + (1 - gate) * shortcut, shortcut)
    (expected,) = torch.autograd.grad(plain.head(x.mean((2, 3))).sum(), weights)
    probability = torch.sigmoid(torch.tensor(0.3, dtype=torch.float64))
    (bias,) = torch.autograd.grad(outputs.sum(), network.selective_gates.score.bias)
    assert torch.allclose(expected * probability * (1 - probability), bias, rtol=1e-9)


def test_straight_through_hands_the_gradient_on():
    """The decision is 0 or 1, and its derivative by the probability is 1."""
    probability = torch.tensor([0.2, 0.9], requires_grad=True)
    decision = straight_through(probability, torch.tensor([0.5, 0.5]))
    assert [0, 1] == decision.detach().round().tolist()
    assert torch.equal(torch.ones(2), torch.autograd.grad(decision.sum(), probability)[0])


def test_operations_are_those_of_the_samples_that_ran():
    """Of a selected block, the branch's convolutions cost what the samples that were let through cost, each way."""
    network, images = gates_training(selective()), make_images()
    with recording_calls(network) as calls:
        network(images)
    decisions = last_decisions(network)
    plain = make_residual_network()
    with recording_calls(plain) as single:
        plain(images[:1])
    for block, decision in zip(BLOCKS, decisions):
        ran = int(decision.sum())
        for name in (block + ".conv1", block + ".conv2"):
            got = [call_flops(call) for call in calls[name]]
            (one,) = map(call_flops, single[name])
            assert ran * one.forward == sum(flops.forward for flops in got)
            assert ran * one.backward == sum(flops.backward for flops in got)


def test_skipped_blocks_keep_nothing():
    """Bytes for backward fall by what the block would keep; the shortcut's convolution keeps its own input."""
    images = make_images()
    kept = {}
    for score in (200.0, -200.0):
        network = force(gates_training(selective()), score)
        with counting_saved_bytes(network) as saved:
            network(images)
        kept[score] = saved.total
    # Four maps of each block: into norm1 and norm2, out of act1 and act2. What comes in is kept either way.
    one_map = 6 * 12 * 6 * 6 * 4
    assert kept[200.0] - kept[-200.0] >= 2 * 4 * one_map


def test_each_sample_let_through_keeps_five_maps():
    """
    Where some are let through, four maps inside a block and one of what comes in, or beside a projection of what that
    gave; nothing is kept twice, and nothing of samples that go past, but the projection's own.
    """
    network, images, rest = gates_training(selective()), make_images(), []
    for seed in range(8):
        torch.manual_seed(seed)
        with counting_saved_bytes(network) as saved:
            network(images)
        counts = [int(decision.sum()) for decision in last_decisions(network)]
        if all(0 < count < len(images) for count in counts):
            rest.append(saved.total - 5 * sum(counts) * 12 * 6 * 6 * 4)
    assert len(rest) > 1
    assert 1 == len(set(rest))


def test_evaluation_is_the_same_each_time():
    """Gates are open above one half, without a draw."""
    network, images = selective(), make_images()
    outputs = network(images)
    assert torch.equal(outputs, network(images))
    assert torch.allclose(one_by_one(network, images, last_decisions(network)), outputs, atol=1e-5)


def test_batches_may_be_let_through_as_wholes():
    """With select_by batch every sample has the same decision, drawn once."""
    network = gates_training(selective(select_by="batch"))
    for seed in range(5):
        torch.manual_seed(seed)
        network(make_images())
        assert all(len(set(decision.tolist())) == 1 for decision in last_decisions(network))


@pytest.mark.parametrize(("target", "sign"), [(0.0, 1), (1.0, -1)])
def test_activity_costs_above_the_target_and_pays_below(target, sign):
    """The loss is the weight times the number of blocks that samples ran through, and asked for once."""
    method = E2Train(**dict(SELECT, target_active=target, activity_weight=0.5))
    torch.manual_seed(3)
    network = gates_training(method.apply(make_residual_network()))
    network(make_images())
    decisions = network.selective_gates._decisions
    expected = sign * 0.5 * sum(int(decision.detach().round().sum()) for decision in decisions)
    assert expected == pytest.approx(method.extra_loss(network).item(), abs=1e-5)
    assert method.extra_loss(network) is None


@pytest.mark.parametrize(("target", "sign"), [(0.0, 1), (0.5, -1)])
def test_activity_is_rewarded_only_where_a_target_asks_for_it(target, sign):
    """Where no block ran, a gradient step closes the gates further, or with a target opens them."""
    method = E2Train(**dict(SELECT, target_active=target, activity_weight=0.5))
    network = force(method.apply(make_residual_network()), -1.0)
    network(make_images())
    method.extra_loss(network).backward()
    assert sign == network.selective_gates.score.bias.grad.sign().item()


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "file"])
def test_copies_have_gates_of_their_own(twin):
    """A copied network asks its own gates, under the same keys."""
    network = force(selective(), 200.0)
    other = twin(network)
    force(other, -200.0)
    images = make_images()
    assert torch.equal(make_residual_network()(images), network(images))
    assert not torch.equal(network(images), other(images))
    assert list(network.state_dict()) == list(other.state_dict())


def test_removal_takes_the_gates_away():
    """The plain network is left, under its own keys and of its own classes."""
    network, plain = selective(), make_residual_network()
    assert [*BLOCKS] == [layer.name for layer in changed_layers(network)]
    E2Train().remove(network)
    assert list(plain.state_dict()) == list(network.state_dict())
    assert [type(module) for module in plain.modules()] == [type(module) for module in network.modules()]
    assert torch.equal(plain(make_images()), network(make_images()))


def test_network_without_two_blocks_is_refused(small_network):
    """One block always runs, so that there is nothing to select."""
    with pytest.raises(UnsupportedModel, match="fewer than two residual blocks"):
        E2Train(select=True).apply(small_network())
