"""Variants with pairs made up, judged as the runs of a job would be."""

from dataclasses import replace

import numpy as np

from controller.analysis.estimate import CONFIDENCE
from controller.analysis.metrics import METRICS
from controller.analysis.summary import judged_pairs
from controller.analysis.verdicts import MetricValue, PartResult, VariantResult


def results(effects, confidence=CONFIDENCE):
    """What a job finds whose variants' metrics have these log-ratios of variant to baseline, one a block."""
    return [
        VariantResult(
            name, "", [PartResult("", {m: value(m, logs, confidence) for m, logs in metrics.items()})], 0, 0, 0
        )
        for name, metrics in {"baseline": {}, **effects}.items()
    ]


def value(metric, logs, confidence=CONFIDENCE):
    """One metric with these log-ratios."""
    pairs = {block: (1.0, float(np.exp(log))) for block, log in enumerate(logs, start=1)}
    judged = judged_pairs(pairs, METRICS[metric], confidence)
    return replace(MetricValue(metric, metric, "", "measured", None), **judged)
