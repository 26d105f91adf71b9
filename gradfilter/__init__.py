"""Gradient filtering and its published siblings for PyTorch.

This package imports nothing on its own, so that the wire types in ``gradfilter.bench.schema``
stay usable where torch is not installed. Start with ``from gradfilter.methods import GradientFilter``.
"""
