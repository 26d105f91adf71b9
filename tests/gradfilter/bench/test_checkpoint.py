"""Starting checkpoints in the cache."""

import numpy as np
import pytest
import torch

from gradfilter.bench.checkpoint import Checkpoint, checkpoint_path, load_checkpoint, save_checkpoint
from gradfilter.bench.tiny_cnn import TinyCnn


@pytest.fixture(name="saved")
def fixture_saved(tmp_path):
    path = checkpoint_path(tmp_path, "tiny_cnn", {})
    save_checkpoint(path, Checkpoint(TinyCnn(10).state_dict(), "random", [], 0.75))
    return path


@pytest.mark.parametrize("accuracy", [0.75, None])
def test_saved_weights_come_back(tmp_path, accuracy):
    """
    Weights, statistics, origin, accuracy and data are read as they were written, and no other file is left.
    """
    model, other = TinyCnn(10), TinyCnn(10)
    path = checkpoint_path(tmp_path, "tiny_cnn", {})
    save_checkpoint(path, Checkpoint(model.state_dict(), "file:zoo.npz", ["head"], accuracy, "folder:birds sha256:0"))
    checkpoint = load_checkpoint(path)
    checkpoint.load_into(other)
    assert ("file:zoo.npz", ["head"]) == (checkpoint.origin, checkpoint.not_loaded)
    assert (accuracy, "folder:birds sha256:0") == (checkpoint.accuracy, checkpoint.data)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    assert [path] == list(tmp_path.iterdir())


def test_what_decides_the_weights_decides_the_name(tmp_path):
    """
    The same values give the same name in any order, and others another.
    """
    path = checkpoint_path(tmp_path, "tiny_cnn", {"seed": 0, "dataset": "digits"})
    assert path == checkpoint_path(tmp_path, "tiny_cnn", {"dataset": "digits", "seed": 0})
    assert path != checkpoint_path(tmp_path, "tiny_cnn", {"dataset": "digits", "seed": 1})


def test_name_of_any_model_is_one_file(tmp_path):
    """
    A model's name may hold colons and slashes, a file's may not.
    """
    assert tmp_path == checkpoint_path(tmp_path, "import:zoo.nets:small/2", {}).parent


def test_missing_file_is_no_checkpoint(tmp_path):
    """
    What was never made is none.
    """
    assert None is load_checkpoint(checkpoint_path(tmp_path, "tiny_cnn", {}))


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
