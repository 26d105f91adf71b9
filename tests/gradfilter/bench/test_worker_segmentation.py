"""Training on masks in a real worker process."""

import math

import pytest

FILTERED = {"name": "filtered", "methods": [{"name": "gradient_filter", "options": {"patch_size": 2, "last": 2}}]}


@pytest.fixture(name="run", scope="module")
def fixture_run(run_worker, segmentation, spec):
    return run_worker(spec(dict(segmentation, trainable="last:2"), variants=[FILTERED]))


def test_masks_are_trained_and_scored(run):
    """
    Every step has a finite loss; the outcome has pixel accuracy, mIoU and mean class accuracy.
    """
    assert (0, 3) == (run.status, len(run.losses))
    assert all(math.isfinite(loss) for loss in run.losses)
    outcome = run.outcome
    assert 0 < outcome["test_miou"] < outcome["test_accuracy"] < 1
    assert 0 < outcome["test_mean_accuracy"] < 1


def test_masks_have_gradients_to_compare(run):
    """
    The filtered convolutions of a segmentation network are compared with the exact ones.
    """
    assert ["features.3", "head"] == [layer["name"] for layer in run.outcome["gradients"]]
    assert all(-1 <= layer["cosine"] <= 1 for layer in run.outcome["gradients"])


def test_start_is_scored_by_its_masks(run_worker, segmentation, spec):
    """
    A pretrained start has an mIoU of its own; the parts are dealt by the dominant shape.
    """
    workload = dict(segmentation, pretraining={"steps": 3, "batch_size": 4})
    preparation = run_worker(spec(workload, purpose="prepare"))
    assert 0 == preparation.status
    assert 0 <= preparation.outcome["start_miou"] <= 1


def test_batch_of_one_is_refused_where_statistics_need_more(run_worker, segmentation, spec):
    """
    Global pooling leaves one value per channel of one image: a sentence, not torch's trace, says what to do.
    """
    model = segmentation["model"] + "_pooled"
    workload = dict(segmentation, model=model, batch_size=1, batch_norm="train", trainable="all")
    failed = run_worker(spec(workload, purpose="prepare"))
    assert ("refused", "batch_size", "") == tuple(failed.failure[key] for key in ("kind", "field", "traceback"))
    assert "got input size torch.Size([1, 16, 1, 1])). Set batch_size to 2 or more" in failed.failure["message"]
