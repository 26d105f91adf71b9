"""Scores from counts."""

import math

import pytest
import torch

from gradfilter.bench.datasets import IGNORED
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.evaluation import LabelTally, PixelTally, evaluate
from gradfilter.bench.objectives import OBJECTIVES
from gradfilter.bench.precision import Precision

MASK = torch.tensor([[[0, 0, 1], [1, 1, IGNORED]]])
PREDICTED = torch.tensor([[[0, 1, 1], [1, 0, 2]]])  # of four classes; nobody has class 3, and 2 is not counted


def outputs_of(classes, count, height=1.0):
    """Outputs whose highest is the class."""
    return height * torch.nn.functional.one_hot(classes, count).movedim(-1, 1).float()


def test_labels_are_counted_over_batches():
    """
    Three of four images are right; the loss is the mean over images, though the batches differ in size.
    """
    tally = LabelTally(3)
    outputs = outputs_of(torch.tensor([0, 1, 2, 2]), 3)
    labels = torch.tensor([0, 1, 2, 0])
    tally.add(outputs[:3], labels[:3])
    tally.add(outputs[3:], labels[3:])
    score = tally.score()
    right, wrong = (math.log(math.e + 2) - hit for hit in (1, 0))
    assert (0.75, None, None) == (score.accuracy, score.miou, score.mean_accuracy)
    assert (3 * right + wrong) / 4 == pytest.approx(score.loss, rel=1e-6)


def test_masks_are_scored_by_hand():
    """
    Of five labelled pixels three are right. Class 0: 1 of 3 in the union, class 1: 2 of 4; class 3 is in neither.
    """
    tally = PixelTally(4)
    tally.add(outputs_of(PREDICTED, 4), MASK)
    score = tally.score()
    assert 3 / 5 == score.accuracy
    assert (1 / 3 + 2 / 4) / 2 == pytest.approx(score.miou)
    assert (1 / 2 + 2 / 3) / 2 == pytest.approx(score.mean_accuracy)


def test_class_that_is_only_predicted_counts_as_missed():
    """
    A predicted class that is not in the truth has an intersection of 0 of its union, but no accuracy.
    """
    tally = PixelTally(3)
    tally.add(outputs_of(torch.tensor([[[0, 2]]]), 3), torch.tensor([[[0, 0]]]))
    assert (1 / 2 + 0) / 2 == pytest.approx(tally.score().miou)
    assert 1 / 2 == tally.score().mean_accuracy


def test_batches_do_not_change_the_score_of_masks():
    """
    Image by image or at once: one confusion matrix.
    """
    torch.manual_seed(0)
    outputs, masks = torch.randn(6, 4, 5, 5), torch.randint(0, 4, (6, 5, 5))
    at_once, singly = PixelTally(4), PixelTally(4)
    at_once.add(outputs, masks)
    for index in range(6):
        singly.add(outputs[index : index + 1], masks[index : index + 1])
    assert at_once.score().miou == singly.score().miou
    assert at_once.score().loss == pytest.approx(singly.score().loss)


def test_masks_without_a_labelled_pixel_are_refused():
    """
    Nothing to score is no score of zero.
    """
    tally = PixelTally(4)
    tally.add(torch.zeros(1, 4, 2, 2), torch.full((1, 2, 2), IGNORED))
    with pytest.raises(RefusedWorkload, match="nothing to score"):
        tally.score()


def test_ignored_pixels_have_no_loss():
    """
    The loss of a mask is the mean over its labelled pixels, and 0 where there is none.
    """
    loss = OBJECTIVES["segmentation"].loss
    torch.manual_seed(0)
    outputs, masks = torch.randn(2, 4, 3, 3), torch.randint(0, 4, (2, 3, 3))
    half = masks.clone()
    half[1] = IGNORED
    assert torch.nn.functional.cross_entropy(outputs[:1], masks[:1]) == pytest.approx(float(loss(outputs, half)))
    assert 0 == float(loss(outputs, torch.full_like(masks, IGNORED)))


def test_label_255_is_a_class_like_any_other():
    """
    Only masks have pixels to ignore: a classifier of 300 classes trains on class 255.
    """
    assert 0 < float(OBJECTIVES["classification"].loss(torch.zeros(1, 300), torch.tensor([IGNORED])))


def test_network_is_scored_in_evaluation_mode():
    """
    Dropout is off while scoring.
    """
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.9))
    images = outputs_of(torch.tensor([0, 1, 2]), 3, height=5.0)
    precision = Precision("float32", torch.device("cpu"))
    score = evaluate(model, [(images, torch.tensor([0, 1, 2]))], LabelTally(3), precision)
    assert 1.0 == score.accuracy
    assert not model.training
