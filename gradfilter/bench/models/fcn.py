"""A fully convolutional network: an encoder, a small head on its last features, enlarged to the image.

Long, Shelhamer, Darrell, Fully Convolutional Networks for Semantic Segmentation, CVPR 2015, with a
dilated encoder of output stride 8, as both torchvision and mmsegmentation build it today.
"""

from torch import Tensor, nn
from torch.nn import functional as F

OUTPUT_STRIDE = 8


class Fcn(nn.Module):
    """Images (N, 3, H, W) → logits (N, classes, H, W).

    encoder: gives a list of features, the last of which is used. head: features → classes, its last
    layer the classifier.
    """

    def __init__(self, encoder: nn.Module, head: nn.Sequential) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Class scores of every pixel."""
        logits = self.head(self.encoder(images)[-1])
        return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)

    def get_classifier(self) -> nn.Module:
        """The head's last convolution, by the name that timm's models use."""
        return self.head[-1]
