"""Real networks: every gradient is that of the layers by themselves, and far fewer bytes are kept."""

import copy

import pytest
import torch
from torch import nn

from gradfilter.bench.models.libraries import import_segmentation_models, import_timm, is_installed
from gradfilter.filtering.chains.fusing import AT_PATCHES, layers_apart, recording_runs
from gradfilter.inspection import counting_saved_bytes
from gradfilter.methods import GradientFilter

EXACT = 1e-9

CLASSIFIERS = ["resnet18", "mobilenetv2_100", "efficientnet_b0"]
MORE_CLASSIFIERS = ["resnet34", "resnet50", "mobilenetv3_large_100", "densenet121", "vgg11_bn", "regnety_002"]
SEGMENTERS = [("unet", "resnet18"), ("deeplabv3plus", "mobilenet_v2")]
MORE_SEGMENTERS = [
    (architecture, encoder)
    for architecture in ("deeplabv3", "deeplabv3plus", "pspnet", "upernet", "fpn", "unet")
    for encoder in ("resnet18", "mobilenet_v2")
    if (architecture, encoder) not in SEGMENTERS
]


@pytest.fixture(scope="module")
def classifier():
    if not is_installed("timm"):
        pytest.skip("timm is not installed for this Python")
    return lambda name, classes=5: import_timm().create_model(name, num_classes=classes)


@pytest.fixture(scope="module")
def segmenter():
    if not is_installed("segmentation_models_pytorch"):
        pytest.skip("segmentation-models-pytorch is not installed for this Python")

    def make(architecture, encoder):
        return import_segmentation_models().create_model(architecture, encoder, encoder_weights=None, classes=4)

    return make


def apart(model, x):
    """The output of the layers by themselves."""
    with layers_apart():
        return model(x).detach()


def difference(one, other):
    """|one - other| beside |other|."""
    return float((one - other).norm() / other.norm())


def without_dropout(network):
    """Dropout draws anew in each of two passes that are to be the same."""
    for module in network.modules():
        if isinstance(module, (nn.Dropout, nn.Dropout2d)):
            module.p = 0.0
    return network


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100"])
def test_outputs_in_float32(name, training, classifier):
    """They are the layers' own to 1e-6; where rounding adds up, no farther from float64's than twice theirs."""
    torch.manual_seed(0)
    filtered = GradientFilter(patch_size=4).apply(without_dropout(classifier(name)).train(training))
    x = torch.randn(4, 3, 96, 96)
    exact = apart(copy.deepcopy(filtered).double(), x.double())
    layers = apart(copy.deepcopy(filtered), x).double()
    chains = filtered(x).detach().double()
    assert difference(chains, layers) < 1e-6 or difference(chains, exact) < 2 * difference(layers, exact)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", [*CLASSIFIERS, *[pytest.param(n, marks=pytest.mark.long) for n in MORE_CLASSIFIERS]])
def test_classifiers(name, training, classifier, compare_with_layers_apart):
    """timm's networks, with sides that patches of 4 do not divide."""
    network = without_dropout(classifier(name)).double().train(training)
    x = torch.randn(2, 3, 72, 64).double()
    assert max(compare_with_layers_apart(network, x)) < EXACT


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    ("architecture", "encoder"), [*SEGMENTERS, *[pytest.param(*s, marks=pytest.mark.long) for s in MORE_SEGMENTERS]]
)
def test_segmenters(architecture, encoder, training, segmenter, compare_with_layers_apart):
    """segmentation-models-pytorch's networks: decoders take what encoders' stages give, and chains with it."""
    network = without_dropout(segmenter(architecture, encoder)).double().train(training)
    assert max(compare_with_layers_apart(network, torch.randn(2, 3, 64, 64).double())) < EXACT


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100"])
def test_whole_networks_run_at_patch_resolution(name, classifier):
    """Of ResNet-18 and MobileNetV2 no convolution's gradient is ever a full map."""
    model = GradientFilter(patch_size=4).apply(classifier(name))
    with recording_runs(model) as runs:
        model(torch.randn(2, 3, 64, 64))
    assert {AT_PATCHES} == set(runs.values())
    assert sum(isinstance(module, nn.Conv2d) for module in model.modules()) == len(runs)


@pytest.mark.parametrize(
    ("name", "training", "times"),
    [("mobilenetv2_100", True, 8), ("mobilenetv2_100", False, 8), ("resnet18", True, 5), ("resnet18", False, 5)],
)
def test_saved_bytes_fall(name, training, times, classifier):
    """At patch size 4 and 224×224 a step keeps at least so many times fewer bytes than plain training."""
    plain, filtered = [classifier(name).train(training) for _ in range(2)]
    GradientFilter(patch_size=4).apply(filtered)
    sizes = []
    for network in (plain, filtered):
        with counting_saved_bytes(network) as saved:
            network(torch.randn(1, 3, 224, 224)).sum()
        sizes.append(saved.total)
    assert sizes[0] >= times * sizes[1]
