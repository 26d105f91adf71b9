"""Convolutions that compute every second output of each row and column; the others are interpolated later.

Source: Chen, Zhang, Ding, Marculescu, ViP: Virtual Pooling, WACV 2020, arXiv 1906.07912.
"""

from gradfilter.virtual.interpolation import interpolate, sampled_size
from gradfilter.virtual.layers import is_virtual, pool_virtually, restore_stride, virtual_problem

__all__ = ["interpolate", "is_virtual", "pool_virtually", "restore_stride", "sampled_size", "virtual_problem"]
