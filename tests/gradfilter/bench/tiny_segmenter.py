"""A network with masks for outputs, small enough for tests; a board's own module, as 'import:' names it."""

from torch import nn
from torch.nn import functional as F


class TinySegmenter(nn.Module):
    """Three convolutions at half the size, enlarged again: (N, 3, H, W) → (N, classes, H, W)."""

    def __init__(self, classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        )
        self.head = nn.Conv2d(16, classes, 1)

    def forward(self, images):
        outputs = self.head(self.features(images))
        return F.interpolate(outputs, size=images.shape[2:], mode="bilinear", align_corners=False)

    def get_classifier(self):
        return self.head


class PooledSegmenter(TinySegmenter):
    """With a branch of global pooling and batch normalisation, as deeplabv3 and pspnet have."""

    def __init__(self, classes):
        super().__init__(classes)
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 16, 1), nn.BatchNorm2d(16))

    def forward(self, images):
        features = self.features(images)
        outputs = self.head(features + self.pooled(features))
        return F.interpolate(outputs, size=images.shape[2:], mode="bilinear", align_corners=False)


def make(classes):
    """A segmentation network."""
    return TinySegmenter(classes)


def make_pooled(classes):
    """One that cannot train on a batch of one."""
    return PooledSegmenter(classes)


make.task = make_pooled.task = "segmentation"
