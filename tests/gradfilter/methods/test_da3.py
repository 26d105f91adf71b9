"""DA3 against a slow reference of the adaptor's formulas, what it keeps, and domains that do not disturb each other."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from residual_network import make_images, make_residual_network
from torch import nn

from gradfilter.errors import UnsupportedModel
from gradfilter.inspection import counting_saved_bytes
from gradfilter.inspection.step_flops import recording_calls
from gradfilter.methods import DA3, changed_layers
from gradfilter.methods.adaptors import Adaptor, added, output_cell
from gradfilter.methods.cells import Cells
from gradfilter.methods.da3 import domain_state, load_domain, start_domain

N, SIZE, POOL = 6, 12, 4
BLOCKS = {"blocks.0": (8, 8, 1), "blocks.1": (8, 12, 2), "blocks.2": (12, 12, 1)}  # channels in and out, stride
MAPS = {"blocks.0": 12, "blocks.1": 12, "blocks.2": 6}  # the side of a block's input
NARROW = 8
FLOAT = 4


def adapted(dtype=torch.float32, **options):
    torch.manual_seed(5)
    return DA3(**options).apply(make_residual_network(dtype=dtype))


def stirred(network):
    """The network with adaptors that give something."""
    torch.manual_seed(6)
    for module in network.modules():
        if isinstance(module, Adaptor):
            for parameter in module.parameters():
                nn.init.normal_(parameter, std=0.3)
    return network


def train(network, seed, steps=3):
    """A few steps on a domain of its own."""
    generator = torch.Generator().manual_seed(seed)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1, momentum=0.9, weight_decay=1e-4)
    network.train()
    for _ in range(steps):
        images, labels = torch.randn(N, 3, SIZE, SIZE, generator=generator), torch.arange(N) % 5
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()
    return network.eval()


def backbone_of(network):
    own = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    return {name: value.clone() for name, value in network.state_dict().items() if name not in own}


def slow_attention(adaptor, x, pool):
    """The formulas cell by cell, in plain loops."""
    images, _, height, width = x.shape
    rows, columns = -(-height // pool), -(-width // pool)
    narrow = torch.empty(images, adaptor.narrow.out_channels, rows, columns, dtype=x.dtype)
    for i in range(rows):
        for j in range(columns):
            cell = x[:, :, i * pool : (i + 1) * pool, j * pool : (j + 1) * pool].mean((2, 3))
            narrow[:, :, i, j] = torch.relu(cell @ adaptor.narrow.weight[:, :, 0, 0].t() + adaptor.narrow.bias)
    padded, spatial = F.pad(narrow, (1, 1, 1, 1)), torch.empty_like(narrow)
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i : i + 3, j : j + 3]
            spatial[:, :, i, j] = (window * adaptor.depthwise.weight[:, 0]).sum((2, 3)) + adaptor.depthwise.bias
    wide = torch.einsum("nmij,cm->ncij", spatial, adaptor.wide.weight[:, :, 0, 0]) + adaptor.wide.bias[:, None, None]
    channel = narrow.mean((2, 3)) @ adaptor.channel.weight.t() + adaptor.channel.bias
    return wide + channel[:, :, None, None]


def slow_network(network, images):
    """The adapted network from the plain one's parts: the attention is added before each block's last activation."""
    plain = make_residual_network(dtype=images.dtype)
    plain.load_state_dict({key: value for key, value in network.state_dict().items() if "adaptor" not in key})
    x = plain.stem(images)
    for name, block, source in zip(BLOCKS, network.blocks, plain.blocks):
        attention = slow_attention(block.adaptor, x, POOL * BLOCKS[name][2])
        y = source.norm2(source.conv2(source.act1(source.norm1(source.conv1(x)))))
        y = y + (x if source.downsample is None else source.downsample(x))
        for i in range(y.shape[2]):
            for j in range(y.shape[3]):
                y[:, :, i, j] = y[:, :, i, j] + attention[:, :, i // POOL, j // POOL]
        x = torch.relu(y)
    return plain.head(x.mean((2, 3)))


def test_first_step_is_the_frozen_network():
    """Adaptors begin at zero: the output is the plain network's, bit for bit."""
    assert torch.equal(make_residual_network()(make_images()), adapted()(make_images()))


@pytest.mark.parametrize("size", [12, 14, 15])
def test_output_is_the_slow_references(size):
    """With adaptors that give something, the formulas cell by cell, also where cells do not divide a map."""
    network, images = stirred(adapted(torch.float64)), torch.randn(2, 3, size, size, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(slow_network(network, images), network(images), rtol=1e-10)


def test_gradients_are_finite_differences():
    """Of each trained tensor's largest entry: the ways through the frozen blocks behind an adaptor are all in it."""
    network, images, step = stirred(adapted(torch.float64)), make_images(2, dtype=torch.float64), 1e-6
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    gradients = torch.autograd.grad(network(images).pow(2).sum(), list(trained.values()))
    for (name, parameter), gradient in zip(trained.items(), gradients):
        numbers, place, losses = parameter.data.view(-1), int(gradient.abs().argmax()), []
        before = numbers[place].item()
        for moved in (before + step, before - step):
            numbers[place] = moved
            with torch.no_grad():
                losses.append(network(images).pow(2).sum().item())
        numbers[place] = before
        expected = pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-4)
        assert expected == gradient.flatten()[place].item(), name


def test_adaptors_alone_pass_gradcheck():
    """Numerical and analytical gradients agree, for input and parameters."""
    torch.manual_seed(0)
    adaptor = Adaptor(4, 5, reduction=16, pool=2, stride=1, learns_through=True, gate=None).double()
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64, requires_grad=True)
    nn.init.normal_(adaptor.wide.weight)
    nn.init.normal_(adaptor.channel.weight)
    assert torch.autograd.gradcheck(lambda maps: adaptor(maps)[0], (x,))


def test_nothing_of_the_backbone_changes():
    """After training no parameter and no statistic of the backbone has moved, though the mode was training."""
    network = adapted()
    before = backbone_of(network)
    train(network, seed=1)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
    assert any(adaptor.wide.weight.abs().sum() > 0 for adaptor in network.modules() if isinstance(adaptor, Adaptor))


def test_earlier_domains_come_back_bit_for_bit():
    """After a second domain was learned, loading the first one's state gives its outputs again, the same bits."""
    network, images = adapted(), make_images()
    first = train(network, seed=1)(images)
    state = domain_state(network)
    start_domain(network)
    second = train(network, seed=2)(images)
    assert not torch.equal(first, second)
    load_domain(network, state)
    assert torch.equal(first, network(images))


def test_state_of_another_network_is_refused():
    """What does not fit is named."""
    network = adapted()
    state = domain_state(network)
    state.pop("head.bias")
    with pytest.raises(ValueError, match=r"not so: head\.bias"):
        load_domain(network, state)


def kept_by_blocks(batch):
    """Bytes that the blocks may keep: their adaptors' small maps, and bits for each activation with a gradient."""
    total = 0
    for name, (inputs, outputs, stride) in BLOCKS.items():
        cells = (-(-MAPS[name] // (POOL * stride))) ** 2
        pixels = batch * outputs * (MAPS[name] // stride) ** 2
        # Before the first adaptor nothing has a gradient: of the first block, the last activation alone.
        activations = 1 if name == "blocks.0" else 2
        total += batch * (inputs + 2 * NARROW) * cells * FLOAT + batch * NARROW * FLOAT + activations * pixels // 8
    return total


def kept_for(module, inputs):
    with counting_saved_bytes(module) as saved:
        F.cross_entropy(module(inputs), torch.arange(len(inputs)) % 5)
    return saved.total


@pytest.mark.parametrize("batch", [2, 6])
def test_kept_bytes_are_the_formulas(batch):
    """Pooled maps, narrow maps and bits, linear in the batch, beside what the head and the loss keep."""
    head = kept_for(nn.Linear(12, 5), torch.rand(batch, 12))
    assert kept_by_blocks(batch) + head == kept_for(adapted(), make_images(batch))


def test_no_map_of_full_size_is_kept():
    """Of floats, nothing is larger than a pooled map; stock PyTorch keeps every convolution's input."""
    sizes = []

    def note(tensor):
        if tensor.dtype == torch.float32 and not isinstance(tensor, nn.Parameter):
            sizes.append(tensor.numel())
        return tensor

    network, images = adapted(), make_images()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        network(images)
    largest_pooled = max(N * inputs * 9 for inputs, _, _ in BLOCKS.values())
    assert max(sizes) <= largest_pooled
    assert N * 8 * SIZE**2 > 4 * largest_pooled


def test_multiplicative_attention_would_keep_full_maps():
    """The same attention as a factor keeps the map and itself spread; as a summand neither."""
    y = torch.randn(2, 8, 12, 12, requires_grad=True)
    attention = torch.randn(2, 8, 3, 3, requires_grad=True)
    with counting_saved_bytes(nn.Identity()) as summand:
        added(y, attention, 4)
    with counting_saved_bytes(nn.Identity()) as factor:
        y * F.interpolate(attention, size=(12, 12), mode="nearest")
    assert (0, 2 * y.numel() * FLOAT) == (summand.total, factor.total)


def test_adaptors_may_leave_their_input_alone():
    """Without adaptor_input_grad no gradient goes through an adaptor to what is in front of it."""
    x = torch.randn(2, 4, 6, 6, requires_grad=True)
    for learns_through in (True, False):
        adaptor = Adaptor(4, 4, reduction=16, pool=2, stride=1, learns_through=learns_through, gate=None)
        nn.init.normal_(adaptor.wide.weight)
        (gradient,) = torch.autograd.grad(adaptor(x)[0].sum(), x, allow_unused=True)
        assert learns_through == (gradient is not None)


def test_plain_networks_are_adapted_behind_each_convolution():
    """Without residual blocks every convolution is one; the output begins as the plain network's."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2), nn.Flatten(1), nn.Linear(96, 5))
    images = torch.randn(2, 3, 12, 12)
    expected = plain(images)
    network = DA3().apply(plain)
    assert ["0", "2"] == [layer.name for layer in changed_layers(network)]
    assert torch.equal(expected, network(images))
    network(images).sum().backward()
    assert network[0].adaptor.wide.weight.grad is not None
    assert network[0].weight.grad is None


def gate_scores(network, scores):
    """Let the gates of the blocks be open where scores (rows, columns) are positive, whatever they see."""
    for module in network.modules():
        if isinstance(module, Adaptor):
            nn.init.zeros_(module.score.weight)
            nn.init.constant_(module.score.bias, scores)
    return network


def test_open_gates_change_nothing():
    """A gate that is open everywhere gives the network without gates, at inference too."""
    images = make_images()
    ungated, gated = stirred(adapted()), adapted(gate="on")
    gated.load_state_dict(ungated.state_dict(), strict=False)
    gate_scores(gated, 1.0)
    with torch.no_grad():
        assert torch.equal(ungated(images), gated(images))


def test_closed_gates_leave_the_shortcuts_at_inference():
    """Every block is skipped; only its shortcut and its last activation run."""
    images, plain, gated = make_images(), make_residual_network(), gate_scores(adapted(gate="on"), -1.0)
    with torch.no_grad(), recording_calls(gated) as calls:
        expected = plain.head(torch.relu(plain.blocks[1].downsample(plain.stem(images))).mean((2, 3)))
        assert torch.allclose(expected, gated(images), rtol=1e-6)
    assert [[], [], []] == [calls[block + ".conv1"] for block in BLOCKS]


class PointwiseBlock(nn.Module):
    """A residual block whose convolutions see one pixel: its cells do not depend on each other."""

    def __init__(self):
        super().__init__()
        self.conv1, self.act1 = nn.Conv2d(4, 4, 1), nn.ReLU()
        self.conv2, self.act2 = nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act2(self.conv2(self.act1(self.conv1(x))) + x)


@pytest.mark.parametrize("side", [6, 7])
def test_open_cells_are_those_of_the_whole_block(side):
    """
    At inference the block runs on open cells alone: the operations are theirs, and with 1×1 convolutions so is the
    output; elsewhere the input goes past the branch, and is activated as a copy.
    """
    torch.manual_seed(0)
    network = nn.Sequential(PointwiseBlock(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)).eval()
    plain = copy.deepcopy(network)
    DA3(gate="on", pool=2).apply(network)
    nn.init.normal_(network[0].adaptor.score.weight, std=3.0)
    x, scores = torch.randn(3, 4, side, side), []
    before = x.clone()
    network[0].adaptor.score.register_forward_hook(lambda *call: scores.append(call[2]))
    network[0].adaptor(x)
    network[0].adaptor.score.bias.data -= scores[0].median()  # about half of the cells are open
    with torch.no_grad(), recording_calls(network) as calls:
        opened = network[0].adaptor(x)[1].bool()
        output = network[0](x)
    assert 0 < opened.sum() < opened.numel()
    everywhere = opened.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :side, :side]
    assert torch.allclose(torch.where(everywhere, plain[0](before), torch.relu(before)), output, atol=1e-6)
    assert torch.equal(before, x)
    (call,) = calls["0.conv1"]
    assert int(opened.sum()) * 2 * 2 == call.inputs[0] * call.inputs[2] * call.inputs[3]


@pytest.mark.parametrize(("size", "stride", "outputs"), [(14, 1, 14), (14, 2, 7), (9, 2, 5), (3, 2, 2)])
def test_cells_are_the_same_for_input_attention_and_output(size, stride, outputs):
    """
    A pixel that differs alone moves the pooled map in its own cell; attention and, at inference, the block's output
    change exactly there.
    """
    for row in range(size):
        x = torch.zeros(1, 1, size, size)
        x[0, 0, row] = 1
        adaptor = Adaptor(1, 1, reduction=1, pool=POOL, stride=stride, learns_through=True, gate=None)
        cells = F.avg_pool2d(x, adaptor.cell_of(x), ceil_mode=True, count_include_pad=False)
        y = torch.zeros(1, 1, outputs, outputs)
        target = output_cell(y, cells.shape[2:], POOL)
        source = Cells(x, cells.shape[2:], adaptor.cell_of(x))
        spread = added(y, cells, POOL)
        assert ((cells > 0).flatten() == (source.rows.flatten(1) > 0).any(1)).all()
        assert torch.equal(x, source.joined(source.rows))
        assert torch.equal(Cells(spread, cells.shape[2:], target).rows.flatten(1).amax(1), cells.flatten())
        assert bool(spread[0, 0, row // stride].min() > 0)


def test_outputs_larger_than_their_input_get_attention_everywhere():
    """A convolution's padding may make its output larger; the cells grow until they cover it."""
    y = added(torch.zeros(1, 1, 14, 14), torch.ones(1, 1, 3, 3), 4)
    assert torch.equal(torch.ones(1, 1, 14, 14), y)


def test_gates_learn_to_keep_their_share_open():
    """The loss is the squared distance of the open share from its target, and asked for once."""
    method = DA3(gate="on", gate_target=0.25, gate_weight=2.0)
    network = method.apply(make_residual_network()).train()
    network(make_images())
    shares = [module.active.item() for module in network.modules() if isinstance(module, Adaptor)]
    loss = method.extra_loss(network)
    assert 2.0 * (sum(shares) / 3 - 0.25) ** 2 == pytest.approx(loss.item(), rel=1e-5)
    loss.backward()
    assert network.blocks[0].adaptor.score.bias.grad.abs().sum() > 0
    assert method.extra_loss(network) is None


def test_training_with_a_gate_keeps_no_full_map():
    """While it is trained a gate acts on the attention alone, so that bytes grow by pooled maps only."""
    kept = []
    for gate in ("off", "on"):
        network, images = adapted(gate=gate).train(), make_images()
        with counting_saved_bytes(network) as saved:
            network(images)
        kept.append(saved.total)
    assert kept[0] < kept[1] < kept[0] + N * 8 * SIZE**2 * FLOAT


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "file"])
def test_copies_have_adaptors_of_their_own(twin):
    """A copy computes the same, and goes on by itself."""
    network, images = stirred(adapted()), make_images()
    other = twin(network)
    before = network(images)
    assert torch.equal(before, other(images))
    train(other, seed=3)
    assert torch.equal(before, network(images))
    assert not torch.equal(before, other(images))


@pytest.mark.parametrize(
    ("model", "options", "sentence"),
    [
        (nn.Sequential(nn.Linear(3, 3)), {}, "neither a residual block nor an nn.Conv2d"),
        (nn.Sequential(nn.Conv2d(3, 3, 1)), {}, "no head to train"),
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.Linear(3, 3)), {"gate": "on"}, "no residual blocks, which a gate"),
        (nn.Sequential(nn.Conv2d(3, 3, 1), nn.Linear(3, 3)), {"blocks": ["stem"]}, "stem: no block has this name"),
    ],
)
def test_model_that_cannot_be_adapted_is_refused(model, options, sentence):
    """It says what is missing, and the model stays as it was."""
    before = [parameter.requires_grad for parameter in model.parameters()]
    with pytest.raises(UnsupportedModel, match=sentence):
        DA3(**options).apply(model)
    assert before == [parameter.requires_grad for parameter in model.parameters()]


def test_chosen_blocks_alone_are_adapted():
    """Names and patterns."""
    network = adapted(blocks=["blocks.[12]"])
    assert ["blocks.1", "blocks.2"] == [layer.name for layer in changed_layers(network)]
    assert not hasattr(network.blocks[0], "adaptor")
