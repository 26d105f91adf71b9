"""How training went: the table of scores after each epoch, and what the start scored."""

from controller.analysis import wording
from controller.analysis.pareto import QUALITIES
from controller.analysis.verdicts import Comparison, StartScore, VariantResult
from controller.report.cells import NOTHING
from controller.report.rows import Group, Row, Table
from controller.report.units import choose_unit


def score_over_epochs(comparison: Comparison) -> tuple[str, str]:
    """(metric, title) of the score that is followed over epochs: the mIoU of a segmentation, else the accuracy."""
    metrics = comparison.variants[0].parts[-1].metrics
    name = next(name for name in QUALITIES if name in metrics)
    return name, metrics[name].title


def epoch_table(comparison: Comparison) -> Table | None:
    """The score of every variant after each epoch; None where the job counts steps."""
    epochs = sorted({result.epoch for variant in comparison.variants for result in variant.epochs})
    if not epochs:
        return None
    metric, title = score_over_epochs(comparison)
    rows = tuple(
        Row(str(epoch), tuple(_score(variant, epoch, metric) for variant in comparison.variants)) for epoch in epochs
    )
    level = wording.level(comparison.confidence)
    caption = f"{title[0].upper()}{title[1:]} after each epoch [%]: means over runs ({level} intervals)"
    return Table(caption, ("epoch", *(variant.variant for variant in comparison.variants)), (Group("", rows),))


def start_words(start: StartScore) -> str:
    """'accuracy 94.4 %', or 'mIoU 31.0 %, pixel accuracy 80.2 %'."""
    accuracy = _percent(start.accuracy)
    return f"accuracy {accuracy}" if start.miou is None else f"mIoU {_percent(start.miou)}, pixel accuracy {accuracy}"


def _score(variant: VariantResult, epoch: int, metric: str) -> str:
    found = next((result.metrics.get(metric) for result in variant.epochs if result.epoch == epoch), None)
    return wording.with_interval(found, choose_unit("ratio", []).scale) if found is not None else NOTHING


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
