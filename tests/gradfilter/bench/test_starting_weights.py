"""What a job's runs start from: made by its preparation, read by its measured runs."""

import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.events import EventWriter
from gradfilter.bench.schema import Pretraining, TrainingWorkload
from gradfilter.bench.starting_weights import prepare_start, require_start
from gradfilter.bench.tiny_cnn import TinyCnn
from gradfilter.bench.workload import Task

FROM_FILE = TrainingWorkload(kind="training", model="tiny_cnn", image_size=16, weights="file:zoo.npz", threads=1)
RANDOM = replace(FROM_FILE, weights="random")
BRIEF = Pretraining(steps=2, batch_size=4)


@pytest.fixture(name="board")
def fixture_board(tmp_path):
    (tmp_path / "weights").mkdir()
    return Board(tmp_path / "cache", tmp_path / "datasets", tmp_path / "weights")


@pytest.fixture(name="prepared")
def fixture_prepared(board, tmp_path):
    """Prepares a workload's start in this process."""
    descriptor = os.open(str(tmp_path / "events.jsonl"), os.O_WRONLY | os.O_CREAT)
    events = EventWriter(descriptor)
    yield lambda workload: prepare_start(Task(workload, board), events)
    os.close(descriptor)


@pytest.fixture(name="write_zoo")
def fixture_write_zoo(board):
    """Writes the board's file of weights, and gives what it wrote."""

    def write(seed, classes=10):
        torch.manual_seed(seed)
        state = TinyCnn(classes).state_dict()
        np.savez(str(board.weights_dir / "zoo.npz"), **{name: value.numpy() for name, value in state.items()})
        return state

    return write


def test_random_weights_need_no_checkpoint(board, prepared):
    """
    What the seed alone decides is neither made nor read.
    """
    assert None is prepared(RANDOM)
    assert None is require_start(Task(RANDOM, board))


def test_measured_run_starts_from_the_files_weights(board, prepared, write_zoo):
    """
    The preparation caches the file's weights, and a measured run reads those very weights.
    """
    state = write_zoo(seed=3)
    prepared(FROM_FILE)
    start = require_start(Task(FROM_FILE, board))
    assert all(torch.equal(state[name], value) for name, value in start.state.items())
    assert set(state) == set(start.state)
    assert {"weights_origin", "weights_not_loaded"} == set(start.facts())
    assert start.origin.startswith("file:zoo.npz sha256:")


def test_what_was_not_loaded_is_a_fact_of_the_run(board, prepared, write_zoo):
    """
    A head of another size is left at its seeded start, which the cache remembers.
    """
    write_zoo(seed=3, classes=7)
    head = prepared(FROM_FILE).state["head.weight"]
    start = require_start(Task(FROM_FILE, board))
    assert ["head"] == start.facts()["weights_not_loaded"]
    assert torch.equal(head, start.state["head.weight"])
    assert torch.equal(head, Task(FROM_FILE, board).build_model(FROM_FILE.seed).state_dict()["head.weight"])


def test_changed_file_asks_for_a_new_preparation(board, prepared, write_zoo):
    """
    After the file has changed, measured runs are refused until the job is prepared anew.
    """
    write_zoo(seed=3)
    prepared(FROM_FILE)
    state = write_zoo(seed=4)
    with pytest.raises(RefusedWorkload, match=r"has changed\. Send this board a preparation") as refusal:
        require_start(Task(FROM_FILE, board))
    assert "weights" == refusal.value.field
    assert torch.equal(state["features.0.weight"], prepared(FROM_FILE).state["features.0.weight"])


def test_pretraining_goes_on_from_the_files_weights(board, prepared, write_zoo):
    """
    With pretraining as well, the file's weights are where it starts; the accuracy is told.
    """
    write_zoo(seed=3)
    one, other = prepared(replace(FROM_FILE, pretraining=BRIEF)), prepared(replace(RANDOM, pretraining=BRIEF))
    assert "random" == other.origin
    assert 0 <= one.facts()["pretraining_accuracy"] <= 1
    assert not torch.equal(one.state["features.0.weight"], other.state["features.0.weight"])
    start = require_start(Task(replace(FROM_FILE, pretraining=BRIEF), board))
    assert torch.equal(one.state["features.0.weight"], start.state["features.0.weight"])


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "synthetic"},
        {"image_size": 24},
        {"weights": "file:zoo.npz"},
        {"pretraining": replace(BRIEF, seed=1)},
        {"pretraining": replace(BRIEF, steps=1)},
    ],
)
def test_what_decides_the_weights_asks_for_another_preparation(board, prepared, write_zoo, change):
    """
    Other data, size, weights or recipe are another start.
    """
    write_zoo(seed=3)
    workload = replace(RANDOM, pretraining=BRIEF)
    prepared(workload)
    with pytest.raises(RefusedWorkload, match="missing or damaged") as refusal:
        require_start(Task(replace(workload, **change), board))
    assert "pretraining" == refusal.value.field


@pytest.fixture(name="birds")
def fixture_birds(board):
    """A folder of twenty noisy images in two classes."""
    drawn = np.random.RandomState(0)
    for label in ("jay", "wren"):
        (board.datasets_dir / "birds" / label).mkdir(parents=True)
        for number in range(10):
            pixels = drawn.randint(0, 256, (8, 8, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(str(board.datasets_dir / "birds" / label / f"{number}.png"))
    return board.datasets_dir / "birds"


def test_changed_images_ask_for_another_preparation(board, prepared, birds):
    """
    A start that was trained on files is theirs alone, and says which; without pretraining it is not made from them.
    """
    workload = replace(RANDOM, dataset="folder:birds", batch_size=4, pretraining=BRIEF)
    before = prepared(workload)
    assert re.match("folder:birds sha256:[0-9a-f]{64}$", before.facts()["pretraining_data"])
    for path in birds.glob("*/*.png"):
        Image.new("RGB", (9, 9), (255, 0, 0)).save(str(path))
    with pytest.raises(RefusedWorkload, match=r"has changed\. Send this board a preparation"):
        require_start(Task(workload, board))
    after = prepared(workload)
    assert before.data != after.data
    assert not torch.equal(before.state["features.0.weight"], after.state["features.0.weight"])
    assert after.data == require_start(Task(workload, board)).data


def test_another_class_is_another_head(board, prepared, birds, write_zoo):
    """
    A class more in a folder of the same name gives the network a head of its own size.
    """
    write_zoo(seed=3)
    workload = replace(FROM_FILE, dataset="folder:birds", batch_size=4)
    assert 2 == len(prepared(workload).state["head.bias"])
    (birds / "tit").mkdir()
    Image.new("RGB", (8, 8)).save(str(birds / "tit" / "1.png"))
    assert 3 == len(prepared(workload).state["head.bias"])


def test_how_it_is_fine_tuned_asks_for_no_other_start(board, prepared):
    """
    What happens after the start leaves it as it is.
    """
    workload = replace(RANDOM, pretraining=BRIEF)
    prepared(workload)
    other = replace(workload, batch_size=3, trainable="head", seed=7, measured_steps=1)
    assert None is not require_start(Task(other, board))


def test_file_that_does_not_fit_is_refused(board, prepared):
    """
    A preparation with another network's weights ends in a sentence.
    """
    np.savez(str(board.weights_dir / "zoo.npz"), weight=np.zeros(1))
    with pytest.raises(RefusedWorkload, match=r"file:zoo.npz does not fit the model: of its tensors 26 missing"):
        prepared(FROM_FILE)


def test_model_without_published_weights_is_refused(board, prepared):
    """
    'pretrained' is never a silent random start.
    """
    with pytest.raises(RefusedWorkload, match="nobody publishes weights for model 'tiny_cnn'") as refusal:
        prepared(replace(RANDOM, weights="pretrained"))
    assert "weights" == refusal.value.field


def test_worker_fine_tunes_a_file_of_its_board(start_worker, spec, board, write_zoo):
    """
    A job that names a file is prepared and run by real workers, which are told the folder.
    """
    write_zoo(seed=3, classes=7)
    for purpose in ("prepare", "measure"):
        worker = start_worker(board.cache_dir, "--weights-dir", str(board.weights_dir))
        worker.tell(json.dumps(spec({"weights": "file:zoo.npz"}, purpose=purpose)))
        run = worker.finish()
        facts = {name: value for event in run.of("environment") for name, value in event["values"].items()}
        assert (0, ["head"]) == (run.status, facts["weights_not_loaded"])
