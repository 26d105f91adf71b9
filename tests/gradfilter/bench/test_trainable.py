"""Which parameters a workload trains."""

import importlib.util
from pathlib import Path

import pytest
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models import build_model
from gradfilter.bench.tiny_cnn import TinyCnn
from gradfilter.bench.trainable import set_trainable

needs_segmentation = pytest.mark.skipif(
    importlib.util.find_spec("segmentation_models_pytorch") is None,
    reason="segmentation-models-pytorch is not installed, as on Python 3.6, where it cannot be",
)
CONVOLUTIONS = ["features.0", "features.4", "features.7", "features.10"]


class Segmenter(nn.Module):
    """Two convolutions, the second of which is the head."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 4, 1)
        self.classify = nn.Conv2d(4, 5, 1)

    def get_classifier(self):
        return self.classify


def trained(trainable, model=None):
    model = model or TinyCnn(10)
    set_trainable(model, trainable)
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def test_all_trains_everything():
    """
    'all' leaves nothing frozen.
    """
    assert [name for name, _ in TinyCnn(10).named_parameters()] == trained("all")


def test_last_k_is_the_last_convolutions_and_the_head():
    """
    'last:k' counts Conv2d in registration order and adds the head; normalisation stays frozen.
    """
    assert ["features.7.weight", "features.10.weight", "head.weight", "head.bias"] == trained("last:2")


def test_head_that_is_a_convolution_is_the_last_of_the_k():
    """
    A segmentation model's own last convolution counts, so that last:1 and head train the same.
    """
    model = Segmenter()
    head = ["classify.weight", "classify.bias"]
    assert head == trained("head", model) == trained("last:1", model)
    assert ["features.weight", "features.bias", *head] == trained("last:2", model)


@needs_segmentation
def test_head_of_a_segmentation_library_is_found():
    """
    Models of segmentation-models-pytorch name their head themselves; last:3 goes on into the decoder.
    """
    model = build_model("unet_resnet18", 5, 0, Board(Path("cache"), Path("datasets"), Path("weights")))
    head = ["segmentation_head.0.weight", "segmentation_head.0.bias"]
    last = ["decoder.blocks.4.conv1.0.weight", "decoder.blocks.4.conv2.0.weight"]
    assert head == trained("head", model)
    assert last + head == trained("last:3", model)


def test_head_is_the_classifier_alone():
    """
    'head' trains the classifier.
    """
    assert ["head.weight", "head.bias"] == trained("head")


def test_bias_is_every_bias_and_the_head():
    """
    'bias' trains biases, those of normalisation included, and the whole head.
    """
    norms = ["features.1.bias", "features.5.bias", "features.8.bias", "features.11.bias"]
    assert [*norms, "head.weight", "head.bias"] == trained("bias")


def test_names_train_whole_modules():
    """
    A list of names trains these modules and nothing else.
    """
    assert ["features.1.weight", "features.1.bias", "head.weight", "head.bias"] == trained(["features.1", "head"])


@pytest.mark.parametrize(
    ("trainable", "sentence"),
    [
        ("last:5", "'last:5' asks for more convolutions than the model's 4. Choose last:4 or fewer"),
        (["fetures.1"], "does not have: fetures.1. The nearest names are features"),
        (["pool"], "selects no parameter"),
    ],
)
def test_impossible_selection_is_refused(trainable, sentence):
    """
    More layers than there are, an unknown name and nothing at all are refused as field trainable.
    """
    with pytest.raises(RefusedWorkload, match=sentence) as refusal:
        trained(trainable)
    assert "trainable" == refusal.value.field


def test_model_without_head_is_refused():
    """
    Where there is no classifier, 'head' cannot be meant.
    """
    with pytest.raises(RefusedWorkload, match="no head to train"):
        trained("head", nn.Sequential(nn.Conv2d(3, 3, 1)))
