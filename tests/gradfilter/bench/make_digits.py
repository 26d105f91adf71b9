"""Writes gradfilter/bench/data/digits.npz from scikit-learn's bundled digits.

python tests/gradfilter/bench/make_digits.py gradfilter/bench/data/digits.npz
"""

import sys

import numpy as np
from sklearn.datasets import load_digits


def main(path):
    """Write images (1797, 8, 8) of 0..16 and labels (1797,), both uint8."""
    digits = load_digits()
    np.savez_compressed(path, images=digits.images.astype("uint8"), labels=digits.target.astype("uint8"))


if __name__ == "__main__":
    main(sys.argv[1])
