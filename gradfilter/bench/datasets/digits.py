"""digits: 1797 handwritten digits, 8×8, 17 grey levels, ten classes.

The test half of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI Machine
Learning Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0) as scikit-learn ships it.
bench/data/digits.npz is written by tests/gradfilter/bench/make_digits.py from sklearn.datasets.load_digits.
"""

from pathlib import Path

import numpy as np
import torch

from gradfilter.bench.datasets.in_memory import InMemory

FILE = Path(__file__).parent.parent / "data" / "digits.npz"
_CLASSES = 10


def make_digits() -> InMemory:
    """The digits, from the file that travels with the worker."""
    with np.load(str(FILE), allow_pickle=False) as arrays:
        images = torch.from_numpy(arrays["images"]).float().unsqueeze(1)
        return InMemory(images, torch.from_numpy(arrays["labels"]).long(), _CLASSES)
