"""Training on a board's own files in a real worker process."""

import json
import random

import pytest
from PIL import Image

WORKLOAD = {"dataset": "folder:colours", "batch_size": 4, "image_size": 16, "epochs": 2}


@pytest.fixture(name="datasets", scope="module")
def fixture_datasets(tmp_path_factory):
    """Reddish and bluish images: ten each to train on, five each held out."""
    folder = tmp_path_factory.mktemp("datasets")
    drawn = random.Random(0)
    for part, count in (("train", 10), ("val", 5)):
        for label, channel in (("blue", 2), ("red", 0)):
            (folder / "colours" / part / label).mkdir(parents=True)
            for number in range(count):
                colour = [drawn.randrange(100) for _ in range(3)]
                colour[channel] += 150
                path = folder / "colours" / part / label / f"{number}.png"
                Image.new("RGB", (20, 18), tuple(colour)).save(str(path))
    return folder


@pytest.fixture(name="run", scope="module")
def fixture_run(start_worker, cache, datasets):
    def run(spec):
        worker = start_worker(cache, "--datasets-dir", str(datasets))
        worker.tell(json.dumps(spec))
        return worker.finish()

    return run


def test_files_are_trained_on_and_val_is_scored(run, spec):
    """
    Two epochs of five batches; the accuracy is a share of the ten images of val.
    """
    finished = run(spec(WORKLOAD))
    assert (0, 10) == (finished.status, len(finished.steps("measured")))
    assert ["data", "measured", "evaluation"] == [phase["name"] for phase in finished.of("phase")][-3:]
    assert finished.outcome["test_accuracy"] in [images / 10 for images in range(11)]


def test_pretraining_leaves_val_alone(run, spec):
    """
    The parts come from train/: of twenty images each part has ten, two of them held out.
    """
    workload = dict(WORKLOAD, pretraining={"steps": 2, "batch_size": 4}, epochs=None)
    preparation = run(spec(workload, purpose="prepare"))
    assert 0 == preparation.status
    assert preparation.outcome["start_accuracy"] in (0, 0.5, 1)
    assert 0 == run(spec(workload)).status


def test_broken_file_ends_the_preparation_in_words(run, spec, datasets):
    """
    The refusal names the file.
    """
    broken = datasets / "colours" / "val" / "red" / "broken.png"
    broken.write_bytes(b"")
    refused = run(spec(WORKLOAD, purpose="prepare"))
    broken.unlink()
    assert ("refused", "dataset", "") == tuple(refused.failure[key] for key in ("kind", "field", "traceback"))
    assert "val/red/broken.png cannot be read" in refused.failure["message"]
