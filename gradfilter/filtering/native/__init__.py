"""Passes over maps in plain C, built on the machine that runs them; without a compiler PyTorch's operators serve."""

from gradfilter.filtering.native.library import native_facts

__all__ = ["native_facts"]
