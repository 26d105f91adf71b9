"""How training went: scores of the start and of every epoch, how near the changed gradients are, what layers save."""

from collections.abc import Sequence
from math import inf

from controller.analysis.estimate import Estimate, cosine_estimate, mean_estimate
from controller.analysis.metrics import METRICS
from controller.analysis.verdicts import EpochResult, GradientResult, StartScore
from gradfilter.bench.schema import RunRecord

# The field of an Evaluation → the metric that it is after the last epoch.
_SCORES = {
    "accuracy": "test_accuracy",
    "miou": "test_miou",
    "mean_accuracy": "test_mean_accuracy",
    "loss": "test_loss",
}


def start_score(records: Sequence[RunRecord]) -> StartScore | None:
    """What the newest preparation says that the starting weights score; None if none does."""
    outcomes = [record.outcome for record in records if record.spec.purpose == "prepare"]
    scores = [StartScore(o.start_accuracy, o.start_miou) for o in outcomes if o.start_accuracy is not None]
    return scores[-1] if scores else None


def epoch_results(runs: Sequence[RunRecord], confidence: float) -> list[EpochResult]:
    """The mean over runs of what each epoch scored, in the order of epochs; confidence: of the intervals."""
    epochs = sorted({evaluation.epoch for run in runs for evaluation in run.outcome.evaluations})
    return [EpochResult(epoch, _scores(runs, epoch, confidence)) for epoch in epochs]


def gradient_results(runs: Sequence[RunRecord], confidence: float) -> list[GradientResult]:
    """The means over runs of every changed layer's angle, as a cosine, and SNR, in the order that the runs have."""
    layers = dict.fromkeys(gradient.name for run in runs for gradient in run.outcome.gradients)
    return [_gradient(layer, runs, confidence) for layer in layers]


def saved_by_layer(runs: Sequence[RunRecord]) -> dict[str, Estimate]:
    """The bytes that each layer saves, in the order of the network; a run that does not name a layer saved nothing."""
    told = [run.outcome.saved_bytes_by_layer for run in runs if run.outcome.saved_bytes_by_layer]
    names = dict.fromkeys(name for layers in told for name in layers)
    return {name: mean_estimate([float(layers.get(name, 0)) for layers in told], deterministic=True) for name in names}


def _scores(runs: Sequence[RunRecord], epoch: int, confidence: float) -> dict[str, Estimate]:
    found = [evaluation for run in runs for evaluation in run.outcome.evaluations if evaluation.epoch == epoch]
    means = {
        metric: _mean([getattr(one, field) for one in found], confidence, METRICS[metric].limits)
        for field, metric in _SCORES.items()
    }
    return {metric: mean for metric, mean in means.items() if mean is not None}


def _gradient(layer: str, runs: Sequence[RunRecord], confidence: float) -> GradientResult:
    found = [gradient for run in runs for gradient in run.outcome.gradients if gradient.name == layer]
    cosines = [gradient.cosine for gradient in found if gradient.cosine is not None]
    cosine = cosine_estimate(cosines, confidence) if cosines else None
    reasons = [gradient.reason for gradient in found if gradient.reason]
    reason = reasons[0] if cosine is None and reasons else ""
    return GradientResult(layer, cosine, _mean([gradient.snr_db for gradient in found], confidence), reason)


def _mean(
    values: Sequence[float | None], confidence: float, limits: tuple[float, float] = (-inf, inf)
) -> Estimate | None:
    given = [value for value in values if value is not None]
    return mean_estimate(given, confidence, limits=limits) if given else None
