"""Patch sizes by layer: one for all, and others by name or pattern.

A layer's own name counts before any pattern. Patterns that give one layer different sizes are
refused rather than ranked: the order of a JSON object means nothing.
"""

from typing import Dict, List

from torch import nn

from gradfilter.bench.schema.checks import check_length, check_range
from gradfilter.errors import UnsupportedModel
from gradfilter.methods.layer_selection import NamedConvolution, fits, nearest, refuse_strangers

_LARGEST_PATCH = 65536
_MOST_ENTRIES = 10000


def check_patch_size(name: str, patch_size: int) -> None:
    """Refuse a patch size out of range.

    Raises:
        ValueError: naming the option.
    """
    check_range(name, patch_size, 1, _LARGEST_PATCH)


def check_patch_sizes(patch_sizes: Dict[str, int]) -> None:
    """Refuse a mapping that is empty or holds a size out of range.

    Raises:
        ValueError: naming the option and the entry.
    """
    check_length("patch_sizes", patch_sizes, 1, _MOST_ENTRIES)
    for entry, patch_size in patch_sizes.items():
        check_patch_size("patch_sizes[%r]" % entry, patch_size)


def assign_patch_sizes(
    model: nn.Module, method: str, selected: List[NamedConvolution], patch_size: int, patch_sizes: Dict[str, int]
) -> List[int]:
    """The patch size of each selected convolution, in their order.

    Raises:
        UnsupportedModel: an entry fits no selected convolution, or patterns disagree about one.
    """
    names = [name for name, _ in selected]
    convolutions = [(name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    refuse_strangers(model, method, convolutions, list(patch_sizes))
    idle = [entry for entry in patch_sizes if not any(fits(name, entry) for name in names)]
    problems = [
        "%s: it stands in patch_sizes and fits no selected Conv2d. %s" % (entry, nearest(entry, names))
        for entry in idle
    ]
    given = [_given_sizes(name, patch_sizes) for name in names]
    problems += [_disagreement(name, sizes) for name, sizes in zip(names, given) if len(set(sizes.values())) > 1]
    if problems:
        raise UnsupportedModel(method, problems)
    return [next(iter(sizes.values()), patch_size) for sizes in given]


def _given_sizes(name: str, patch_sizes: Dict[str, int]) -> Dict[str, int]:
    """The entries that decide about a layer: its own name alone, or else every pattern that fits."""
    if name in patch_sizes:
        return {name: patch_sizes[name]}
    return {entry: size for entry, size in patch_sizes.items() if fits(name, entry)}


def _disagreement(name: str, sizes: Dict[str, int]) -> str:
    claims = " and ".join("%d by %r" % (size, entry) for entry, size in sizes.items())
    return "%s: patch_sizes gives it %s. Add the layer's own name to patch_sizes to settle it." % (name, claims)
