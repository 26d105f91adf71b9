"""A small network with what methods and inspections meet: strides, depthwise, BatchNorm, a residual, a head."""

import pytest
import torch
from torch import nn


class Block(nn.Module):
    """x + pointwise(depthwise(x)), with BatchNorm between."""

    def __init__(self, channels):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x + self.pointwise(torch.relu(self.norm(self.depthwise(x))))


class SmallNetwork(nn.Module):
    """(N, 3, H, W) → (N, 5), four convolutions."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU())
        self.block = Block(8)
        self.last = nn.Conv2d(8, 12, 3, padding=1)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        return self.head(self.last(self.block(self.stem(x))).relu().mean((2, 3)))


@pytest.fixture(scope="session")
def small_network():
    """Makes the network, the same one for the same seed."""

    def make(seed=0):
        torch.manual_seed(seed)
        return SmallNetwork()

    return make
