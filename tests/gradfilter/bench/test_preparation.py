"""What a preparation refuses, before anything is measured."""

import os

import pytest
import torch

from gradfilter.bench import conv_layer, training
from gradfilter.bench.board import Board
from gradfilter.bench.decoding import decode
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.events import EventWriter
from gradfilter.bench.schema import RunSpec


@pytest.fixture(name="events")
def fixture_events(tmp_path):
    descriptor = os.open(str(tmp_path / "events.jsonl"), os.O_WRONLY | os.O_CREAT)
    yield EventWriter(descriptor)
    os.close(descriptor)


@pytest.fixture(name="prepare")
def fixture_prepare(spec, events, tmp_path):
    """Prepares a spec in this process."""

    def prepare(workload, **fields):
        run = decode(RunSpec, spec(workload, purpose="prepare", **fields))
        module = {"training": training, "conv_layer": conv_layer}[run.workload.kind]
        module.prepare(run, events, board_in(tmp_path))

    return prepare


def board_in(folder):
    return Board(folder / "cache", folder / "datasets", folder / "weights")


def variants(name="gradient_filter", trainable=None, **options):
    return [{"name": "changed", "methods": [{"name": name, "options": options}], "trainable": trainable}]


@pytest.mark.parametrize(
    ("workload", "field", "sentence"),
    [
        ({"model": "resnet81"}, "model", "'resnet81' is unknown .* nearest names are .*resnet18"),
        ({"dataset": "photos"}, "dataset", "digits, synthetic"),
        ({"image_size": 1}, "image_size", "smaller than the network allows .* published for 16"),
        ({"trainable": "last:99"}, "trainable", "Choose last:4 or fewer"),
        ({"trainable": ["nowhere"]}, "trainable", "nowhere"),
        ({"batch_size": 4000}, "batch_size", "at most 1438"),
    ],
)
def test_impossible_workload_is_refused(prepare, workload, field, sentence):
    """
    A workload that cannot be is refused with its field and with what to do.
    """
    with pytest.raises(RefusedWorkload, match=sentence) as refusal:
        prepare(workload)
    assert field == refusal.value.field


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the accelerator that the test misses")
def test_absent_accelerator_is_refused(prepare):
    """
    cuda on a board without it is refused.
    """
    with pytest.raises(RefusedWorkload, match="not available") as refusal:
        prepare({"compute": "cuda"})
    assert "compute" == refusal.value.field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (variants("gradient_fliter"), "methods.name"),
        (variants(patch=4), "methods.options"),
        (variants(patch_size="4"), "methods.options"),
        (variants(patch_size=0), "methods.options"),
        (variants(last=99), "methods"),
        (variants(layers=["features.99"]), "methods"),
        (variants(trainable="last:9"), "trainable"),
    ],
)
def test_impossible_variant_is_refused(prepare, changed, field):
    """
    Unknown methods and options, bad values and layers that are not there are refused, naming the variant.
    """
    with pytest.raises(RefusedWorkload, match="variant 'changed': ") as refusal:
        prepare({}, variants=changed)
    assert field == refusal.value.field


def test_network_of_one_size_says_which(prepare):
    """
    A network that takes a single image size names it.
    """
    with pytest.raises(RefusedWorkload, match="set image_size to that") as refusal:
        prepare({"model": "vit_tiny_patch16_224", "image_size": 64, "trainable": "head"})
    assert "image_size" == refusal.value.field


SHAPES = [
    {"batch_size": 64, "in_channels": 8, "out_channels": 8, "height": 16, "width": 16},
    {"batch_size": 64, "in_channels": 8, "out_channels": 4, "height": 9, "width": 7, "stride": 2},
]


def test_conv_layer_tries_every_variant_and_shape(prepare):
    """
    A preparation ends quietly when all variants can do all shapes, and names one that cannot.
    """
    workload = {"kind": "conv_layer", "shapes": SHAPES}
    prepare(workload, variants=[{"name": "baseline"}, *variants(last=1, patch_size=4)])
    with pytest.raises(RefusedWorkload, match=r"variant 'changed'.*1 Conv2d, and 4 were asked for"):
        prepare(workload, variants=variants(last=4))


def test_measured_run_without_its_preparation_is_refused(spec, events, tmp_path):
    """
    A measured run never pretrains by itself: it says that the preparation is missing.
    """
    run = decode(RunSpec, spec({"pretraining": {"steps": 41}}))
    with pytest.raises(RefusedWorkload, match="Send this board a preparation") as refusal:
        training.measure(run, events, board_in(tmp_path))
    assert "pretraining" == refusal.value.field


def test_model_for_another_kind_of_data_is_refused(prepare):
    """
    A classifier cannot learn masks, and is told which data it could learn.
    """
    sentence = r"'tiny_cnn' classifies images, and data set 'shapes' has masks: .* labels \(this board has digits, syn"
    with pytest.raises(RefusedWorkload, match=sentence) as refusal:
        prepare({"dataset": "shapes"})
    assert "dataset" == refusal.value.field
