"""The memory column of the paper's Table 2 on the published architectures: what trained convolutions keep.

The paper counts the inputs of the trained convolutions only, in float32, for one image of 224 × 224.
Everything else that a step keeps is left out there, and so it is here; the numbers are exact.
Source: Yang, Li, Marculescu, CVPR 2023, Table 2 (ImageNet, patch size 2), in KiB: ResNet-18 196 and 490
plain, 64 and 112 filtered; ResNet-34 196 and 392, 64 and 128; MobileNetV2 245 and 459.38, 80 and 150.
"""

import pytest
import torch

from gradfilter.bench.torchvision_operators import declare_missing_operators
from gradfilter.filtering.chains.fusing import layers_apart
from gradfilter.inspection.saved_bytes import counting_saved_bytes_by_layer
from gradfilter.methods import GradientFilter, Method
from gradfilter.methods.layer_selection import LayerSelection

# Architecture, trained convolutions, bytes of the plain ones, bytes of the filtered ones.
TABLE_2 = [
    ("resnet18", 2, 200704, 65536),
    ("resnet18", 4, 501760, 114688),
    ("resnet34", 2, 200704, 65536),
    ("resnet34", 4, 401408, 131072),
    ("mobilenetv2_100", 2, 250880, 81920),
    ("mobilenetv2_100", 4, 470400, 153600),
]


@pytest.fixture(scope="module")
def timm():
    declare_missing_operators()
    return pytest.importorskip("timm", reason="timm is not installed for this Python")


def kept_by_convolutions(model, method, last):
    """Bytes that the last convolutions keep of one image, when only they are trained."""
    names = [name for name, _ in LayerSelection(last=last).convolutions(model, "the table")]
    for name, module in model.named_modules():
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad = name in names
    method.apply(model).eval()
    with layers_apart(), counting_saved_bytes_by_layer(model, names) as saved:
        model(torch.rand(1, 3, 224, 224))
    return sum(counts.total for counts in saved.layers.values())


@pytest.mark.parametrize(("architecture", "last", "plain", "filtered"), TABLE_2)
def test_trained_convolutions_keep_the_published_bytes(architecture, last, plain, filtered, timm):
    """The real networks keep what the table says, plain and filtered with the table's preset."""
    model = timm.create_model(architecture, pretrained=False)
    kept = [
        kept_by_convolutions(model, method, last)
        for method in (Method(), GradientFilter(preset=f"imagenet-last-{last}"))
    ]
    assert [plain, filtered] == kept
