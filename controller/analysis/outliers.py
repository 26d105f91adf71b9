"""Runs far from the others of their variant: labelled, and kept, since a report that drops them drops what happened."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

Label = Literal["mild", "far"]
FEWEST_RUNS = 5
_MILD, _FAR = 1.5, 3.0


def outliers(values: Mapping[int, float]) -> dict[int, Label]:
    """Block → label, of values beyond Tukey's fences: 1.5 and 3 interquartile ranges outside of the quartiles.

    Source: Tukey, Exploratory Data Analysis (1977), chapter 2. Empty below FEWEST_RUNS values.
    """
    if len(values) < FEWEST_RUNS:
        return {}
    low, high = np.quantile(list(values.values()), [0.25, 0.75])
    return {
        block: "far" if outside > _FAR * (high - low) else "mild"
        for block, value in values.items()
        if (outside := max(low - value, value - high)) > _MILD * (high - low)
    }
