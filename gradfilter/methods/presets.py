"""The configurations that gradient filtering was published with, by name.

A preset chooses layers and patch size, no more: the arithmetic stays ours unless reference_compat is
set too, and the schedule, data and model belong to the workload.
"""

import difflib
from typing import Any, Dict, NamedTuple


class Preset(NamedTuple):
    """Options of GradientFilter, and where they stand in the paper."""

    options: Dict[str, Any]
    source: str


def _last(count: int, patch_size: int, source: str) -> Preset:
    return Preset({"last": count, "patch_size": patch_size}, source)


_ONE_SIZE = (
    "after Table 3: Cityscapes to VOC12Aug, last %d convolutions; the paper's patch sizes vary from 2 to 9 by layer "
    "and model, this preset uses 4 for all, so that its numbers are not the paper's"
)

_IMAGENET = {
    "imagenet-last-%d" % count: _last(count, 2, "Table 2: ImageNet, last %d convolutions" % count) for count in (2, 4)
}
_CIFAR = {
    "cifar-last-%d-patch-%d" % (count, size): _last(
        count, size, "Table 11: CIFAR-10 and CIFAR-100, last %d convolutions, R%d" % (count, size)
    )
    for count in (1, 2, 3, 4)
    for size in (2, 4, 7)
}
_SEGMENTATION = {"segmentation-last-%d" % count: _last(count, 4, _ONE_SIZE % count) for count in (5, 10)}

PRESETS: Dict[str, Preset] = {**_IMAGENET, **_CIFAR, **_SEGMENTATION}


def check_preset(name: str, given: Dict[str, Any], default_patch_size: int) -> None:
    """Refuse a preset that is unknown, or given together with what it decides.

    given: the options that choose layers and patch sizes, as the user set them. A patch_size at its
    default cannot be told from one left out, and the preset's counts.

    Raises:
        ValueError: beginning with 'preset'.
    """
    if name not in PRESETS:
        names = difflib.get_close_matches(name, PRESETS, n=3, cutoff=0.4)
        hint = "Nearest: %s" % ", ".join(names) if names else "There are %s" % ", ".join(PRESETS)
        raise ValueError("preset %r is unknown. %s." % (name, hint))
    own = PRESETS[name].options["patch_size"]
    contradictions = [
        option
        for option, value in given.items()
        if value is not None and not (option == "patch_size" and value in (own, default_patch_size))
    ]
    if contradictions:
        raise ValueError(
            "preset %r already chooses the layers and the patch size: leave out %s, or the preset."
            % (name, ", ".join(contradictions))
        )
