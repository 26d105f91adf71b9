"""Passes over whole maps: what a convolution's neighbours do to a map, and the patch averages of it, in one go."""

from gradfilter.filtering.passes.activate import Activated, Wanted, activate
from gradfilter.filtering.passes.activation import IDENTITY, KINDS, Activation
from gradfilter.filtering.passes.masks import Masked, Open, extend_mask
from gradfilter.filtering.passes.max_pooling import CLOSED, Pooled, max_pool, unpool, unpool_averages
from gradfilter.filtering.passes.normal import Normal
from gradfilter.filtering.passes.statistics import batch_statistics

__all__ = [
    "CLOSED",
    "IDENTITY",
    "KINDS",
    "Activated",
    "Activation",
    "Masked",
    "Normal",
    "Open",
    "Pooled",
    "Wanted",
    "activate",
    "batch_statistics",
    "extend_mask",
    "max_pool",
    "unpool",
    "unpool_averages",
]
