"""A small residual network for the methods that work on blocks: three blocks, one with a stride, and a head."""

import torch
from torch import nn


class ResidualBlock(nn.Module):
    """relu(branch(x) + shortcut(x)); the shortcut is a normalised convolution where the map changes its size."""

    def __init__(self, before, after, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.act1 = nn.ReLU()
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.act2 = nn.ReLU()
        projection = [nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)]
        self.downsample = nn.Sequential(*projection) if stride > 1 else None

    def forward(self, x):
        y = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.act2(y)


class ResidualNetwork(nn.Module):
    """(N, 3, 12, 12) → (N, 5)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.blocks = nn.Sequential(ResidualBlock(8, 8), ResidualBlock(8, 12, stride=2), ResidualBlock(12, 12))
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def make_residual_network(seed=0, dtype=torch.float32):
    """The network in evaluation, with statistics that are not those of a fresh one; the same for the same seed."""
    torch.manual_seed(seed)
    network = ResidualNetwork()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
    return network.to(dtype).eval()


def make_images(count=6, dtype=torch.float32):
    """A batch of images, always the same."""
    return torch.randn(count, 3, 12, 12, generator=torch.Generator().manual_seed(1), dtype=dtype)
