"""How training went: the starting score, the score of every epoch, the changed gradients beside the exact ones."""

import pytest

from controller.analysis.comparison import compare
from tests.controller.records import segmentation, training_job, whole_job

TIMES = {"baseline": 0.06, "filtered": 0.03}


@pytest.fixture(scope="module")
def comparison():
    return compare(*segmentation(), job_id="7", device="nano-1")


def test_the_starting_weights_score_is_the_preparations(comparison):
    """What the weights score before training stands with the job; without a preparation there is none."""
    assert (0.5, 0.125) == (comparison.start.accuracy, comparison.start.miou)
    job = training_job()
    assert compare(job, whole_job(job, TIMES)).start is None


def test_every_epoch_has_the_mean_of_its_scores(comparison):
    """Scores of 0.301, 0.302 and 0.303 after the first epoch are 0.302, over three runs."""
    first, second = comparison.variants[0].epochs
    miou = first.metrics["test_miou"]
    assert (1, 2, pytest.approx(0.302), 3) == (first.epoch, second.epoch, miou.value, miou.n)
    assert ["test_accuracy", "test_miou", "test_mean_accuracy", "test_loss"] == list(first.metrics)


def test_a_score_that_was_not_finite_is_left_out():
    """A run whose loss came as null after an epoch takes no part in that epoch's mean."""
    job, records = segmentation()
    records[1].outcome.evaluations[0].loss = None
    losses = [compare(job, records).variants[0].epochs[i].metrics["test_loss"].n for i in (0, 1)]
    assert [2, 3] == losses


def test_bytes_by_layer_are_exact_where_runs_agree(comparison):
    """Counted bytes that are the same in all runs have no interval, in the order of the network."""
    saved = comparison.variants[1].saved_by_layer
    assert ["layer4.conv1", "layer4.conv2", "fc"] == list(saved)
    assert (125_000.0, 3, True) == (saved["layer4.conv2"].value, saved["layer4.conv2"].n, saved["layer4.conv2"].exact)


def test_gradients_are_means_over_runs(comparison):
    """Cosines of 0.91, 0.92, 0.93 are that of 23°; an equal gradient has no ratio, an absent one a reason."""
    equal, near, absent = comparison.variants[1].gradients
    assert (1.0, None, "") == (equal.cosine.value, equal.snr_db, equal.reason)
    assert (pytest.approx(0.9202, abs=5e-5), 3) == (near.cosine.value, near.cosine.n)
    assert (pytest.approx(8.0), 3) == (near.snr_db.value, near.snr_db.n)
    assert (None, "its weights do not fit the plain network") == (absent.cosine, absent.reason)
    assert [] == comparison.variants[0].gradients


def test_accuracy_is_that_of_pixels_beside_a_miou(comparison):
    """The one metric is called by what it counts."""
    job = training_job()
    titles = [
        judged.variants[0].parts[0].metrics["test_accuracy"].title
        for judged in (comparison, compare(job, whole_job(job, TIMES)))
    ]
    assert ["test pixel accuracy", "test accuracy"] == titles


def test_short_epochs_are_advised_about_in_epochs():
    """A job that counts epochs is told how many would do."""
    job, records = segmentation()
    for record in records:
        record.phases = [phase for phase in record.phases if phase.start_s < 120]
    (concern,) = [c for c in compare(job, records).concerns if c.code == "short_window"]
    assert "with epochs of about 3 or more" in concern.advice
