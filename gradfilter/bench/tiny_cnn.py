"""A network small enough for tests: four convolutions, about seven thousand parameters."""

from typing import Any, ClassVar, Dict, List, cast

from torch import Tensor, nn


class TinyCnn(nn.Module):
    """Four 3×3 conv-BN-ReLU layers: (N, 3, H, W) → (N, num_classes).

    At 16×16 the first convolution sees 16×16 maps and the others 8×8; at least 2×2 is needed.
    """

    default_cfg: ClassVar[Dict[str, Any]] = {"input_size": (3, 16, 16)}  # as timm's models tell theirs

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_block(3, 8),
            nn.MaxPool2d(2),
            *_block(8, 16),
            *_block(16, 16),
            *_block(16, 16),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(16, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores of a batch of images."""
        maps = self.pool(self.features(images))
        return cast("Tensor", self.head(maps.flatten(1)))

    def get_classifier(self) -> nn.Module:
        """The head, by the name that timm's models use."""
        return self.head


def _block(in_channels: int, out_channels: int) -> List[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]
