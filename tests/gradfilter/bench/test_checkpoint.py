"""Starting checkpoints in the cache."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gradfilter.bench.checkpoint import checkpoint_path, load_checkpoint, require_checkpoint, save_checkpoint
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.schema import Pretraining, TrainingWorkload
from gradfilter.bench.tiny_cnn import TinyCnn

WORKLOAD = TrainingWorkload(kind="training", model="tiny_cnn", pretraining=Pretraining())


@pytest.fixture(name="saved")
def fixture_saved(tmp_path):
    path = checkpoint_path(tmp_path, WORKLOAD)
    save_checkpoint(path, TinyCnn(10), 0.75)
    return path


def test_saved_weights_come_back(tmp_path):
    """
    Weights, statistics and the accuracy are read as they were written, and no other file is left.
    """
    model, other = TinyCnn(10), TinyCnn(10)
    path = checkpoint_path(tmp_path, WORKLOAD)
    save_checkpoint(path, model, 0.75)
    checkpoint = require_checkpoint(path)
    checkpoint.load_into(other)
    assert 0.75 == checkpoint.accuracy
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "other",
    [
        replace(WORKLOAD, model="resnet18"),
        replace(WORKLOAD, dataset="synthetic"),
        replace(WORKLOAD, image_size=64),
        replace(WORKLOAD, pretraining=Pretraining(seed=1)),
        replace(WORKLOAD, pretraining=Pretraining(steps=1)),
    ],
)
def test_what_decides_the_weights_decides_the_name(tmp_path, other):
    """
    Another model, data set, size or recipe is another file.
    """
    assert checkpoint_path(tmp_path, WORKLOAD) != checkpoint_path(tmp_path, other)


def test_how_it_is_fine_tuned_leaves_the_name(tmp_path):
    """
    What happens after the start does not ask for another start.
    """
    other = replace(WORKLOAD, batch_size=3, trainable="head", seed=7, measured_steps=1)
    assert checkpoint_path(tmp_path, WORKLOAD) == checkpoint_path(tmp_path, other)


def test_missing_file_is_refused(tmp_path):
    """
    A measured run cannot start without its checkpoint.
    """
    path = checkpoint_path(tmp_path, WORKLOAD)
    assert None is load_checkpoint(path)
    with pytest.raises(RefusedWorkload, match="missing or damaged"):
        require_checkpoint(path)


def test_cut_file_is_not_loaded(saved):
    """
    Half a file is no checkpoint, nor is an empty one.
    """
    for content in (saved.read_bytes()[:-500], b""):
        saved.write_bytes(content)
        assert None is load_checkpoint(saved)


def test_altered_weights_are_not_loaded(saved):
    """
    Weights that do not match the file's own hash are no checkpoint.
    """
    with np.load(str(saved), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["head.bias"] += 1
    with saved.open("wb") as file:
        np.savez(file, **arrays)
    assert None is load_checkpoint(saved)
