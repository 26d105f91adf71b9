"""How residual blocks are found: by what they compute, in any library's spelling."""

import pytest
import torch
from residual_network import make_images, make_residual_network
from torch import nn

from gradfilter.methods.residual_blocks import residual_blocks


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.other, self.relu = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), nn.ReLU()


class SharedActivation(Base):
    def forward(self, x):
        return self.relu(self.conv(self.relu(x)) + x)


class BareSum(Base):
    def forward(self, x):
        return torch.add(x, self.conv(x))


class Behind(Base):
    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x):
        return self.second(self.first(self.conv(x) + x))


class PooledByFunction(Base):
    def forward(self, x):
        return nn.functional.avg_pool2d(self.relu(self.conv(x) + x), 3, 1, 1)


class ActivatedByFunction(Base):
    def forward(self, x):
        return nn.functional.leaky_relu(self.conv(x) + x, negative_slope=0.1).clamp(max=6)


class PartsInLists(Base):
    def __init__(self):
        super().__init__()
        self.ways = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.Sequential(nn.BatchNorm2d(4))])
        self.ends = nn.ModuleList([nn.ReLU()])

    def forward(self, x):
        return self.ends[0](self.ways[0](x) + self.ways[1](x))


class NoShortcut(Base):
    def forward(self, x):
        return self.relu(self.conv(x))


class TwoBranches(Base):
    def forward(self, x):
        return self.conv(x) + self.other(x)


class TwoInputs(Base):
    def forward(self, x, y):
        return self.conv(x) + y


class DependsOnValues(Base):
    def forward(self, x):
        return x + self.conv(x) if x.sum() > 0 else x


def described(model):
    return [(block.name, block.shortcut, block.activation) for block in residual_blocks(model)]


def test_blocks_are_named_in_order_with_their_shortcuts():
    """Each with the child that is its shortcut and the activation of its own at its end."""
    expected = [("blocks.0", "", "act2"), ("blocks.1", "downsample", "act2"), ("blocks.2", "", "act2")]
    assert expected == described(make_residual_network())


def test_block_of_another_network_is_found_by_its_sum(small_network):
    """x + pointwise(...) without an activation behind it."""
    assert [("block", "", "")] == described(small_network())


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (SharedActivation, [("", "", "")]),
        (BareSum, [("", "", "")]),
        (PartsInLists, [("", "ways.1", "ends.0")]),
        (NoShortcut, []),
        (TwoBranches, []),
        (TwoInputs, []),
        (DependsOnValues, []),
    ],
)
def test_what_counts_as_a_block(kind, expected):
    """One input, a branch of convolutions and a shortcut; an activation used twice is not the block's last alone."""
    assert expected == described(kind())


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (Behind(nn.ReLU(inplace=True), nn.MaxPool2d(2)), []),
        (Behind(nn.AvgPool2d(3, 1, 1), nn.ReLU()), []),
        (Behind(nn.Softmax(1), nn.Identity()), []),
        (PooledByFunction(), []),
        (Behind(nn.ReLU(), nn.Hardtanh()), [("", "", "")]),
        (Behind(nn.ReLU(), nn.BatchNorm2d(4)), []),
        (Behind(nn.Dropout(), nn.Identity()), [("", "", "")]),
        (ActivatedByFunction(), [("", "", "")]),
    ],
    ids=[
        "pooled",
        "pooled to the same size",
        "softmax",
        "pooled by a function",
        "two activations",
        "normalised",
        "dropped out",
        "functions",
    ],
)
def test_what_may_be_behind_the_sum(block, expected):
    """Whatever treats each number by itself; a block that pools its sum is none, as past its branch nothing would."""
    assert expected == described(block)


def test_looking_changes_nothing():
    """Whether a block is one depends on no mode, and a normalisation behind the sum learns nothing from it."""
    block = Behind(nn.Dropout(), nn.BatchNorm2d(4)).train()
    before = {name: value.clone() for name, value in block.state_dict().items()}
    assert described(block) == described(block.eval())
    assert all(torch.equal(value, block.state_dict()[name]) for name, value in before.items())


def test_shortcut_gives_what_goes_past_the_branch():
    """The input itself, or what the block's own convolution makes of it."""
    plain, strided, _ = residual_blocks(make_residual_network())
    maps = torch.relu(torch.randn(2, 8, 6, 6))
    assert plain.past(maps) is maps
    assert torch.equal(strided.module.downsample(maps), strided.past(maps))
    assert make_images().shape[1:] == (3, 12, 12)
