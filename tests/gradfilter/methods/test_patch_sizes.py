"""A patch size for each layer: whose entry counts, and which entries are refused."""

import pytest
import torch

from gradfilter.bench.schema import MethodedLayer
from gradfilter.errors import UnsupportedModel
from gradfilter.filtering import FilteredConv2d
from gradfilter.methods import GradientFilter, changed_layers

SETTLE = "Add the layer's own name to patch_sizes to settle it."


def sizes(model):
    """Patch sizes as the modules have them; 1 for a plain convolution."""
    convolutions = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    return [conv.patch_size if isinstance(conv, FilteredConv2d) else 1 for conv in convolutions]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"patch_sizes": {"last": 4}}, [2, 2, 2, 4]),
        ({"patch_sizes": {"block.*": 4, "last": 7}}, [2, 4, 4, 7]),
        ({"patch_sizes": {"block.*": 4, "block.pointwise": 3}}, [2, 4, 3, 2]),
        ({"patch_sizes": {"block.pointwise": 3, "block.*": 4}}, [2, 4, 3, 2]),
        ({"patch_sizes": {"block.*": 4, "*wise": 4}}, [2, 4, 4, 2]),
        ({"patch_sizes": {"stem.0": 1}}, [1, 2, 2, 2]),
        ({"patch_size": 1, "patch_sizes": {"last": 4}}, [1, 1, 1, 4]),
        ({"last": 2, "patch_sizes": {"block.*": 5}}, [1, 1, 5, 2]),
    ],
    ids=str,
)
def test_names_count_before_patterns_before_patch_size(options, expected, small_network):
    """An entry with the layer's own name decides, then patterns, then patch_size; 1 leaves a layer plain."""
    assert expected == sizes(GradientFilter(**options).apply(small_network()))


def test_record_holds_each_layers_size(small_network):
    """The record tells the layers apart, the exact one too."""
    model = GradientFilter(last=3, patch_sizes={"last": 4, "block.depthwise": 1}).apply(small_network())
    assert [
        MethodedLayer("block.depthwise", "gradient_filter patch_size=1, left exact"),
        MethodedLayer("block.pointwise", "gradient_filter patch_size=2"),
        MethodedLayer("last", "gradient_filter patch_size=4"),
    ] == changed_layers(model)


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"patch_sizes": {"lasst": 4}}, ["lasst: there is no such module. Nearest: last."]),
        ({"patch_sizes": {"head": 4}}, ["head: it is a Linear, not a Conv2d."]),
        (
            {"last": 1, "patch_sizes": {"stem.*": 4}},
            ["stem.*: it stands in patch_sizes and fits no selected Conv2d. The last Conv2d is last."],
        ),
        (
            {"patch_sizes": {"block.*": 4, "*.pointwise": 2}},
            ["block.pointwise: patch_sizes gives it 4 by 'block.*' and 2 by '*.pointwise'. " + SETTLE],
        ),
    ],
    ids=str,
)
def test_entries_without_effect_or_in_dispute_are_refused(options, problems, small_network):
    """An entry that would be ignored is named, and so is a layer that two patterns claim; nothing is changed."""
    model = small_network()
    with pytest.raises(UnsupportedModel) as refusal:
        GradientFilter(**options).apply(model)
    assert problems == refusal.value.problems
    assert [1, 1, 1, 1] == sizes(model)


def test_layer_that_cannot_be_filtered_may_stay_exact(small_network):
    """Patch size 1 takes a layer out that would otherwise be refused."""
    model = small_network()
    model.last.padding_mode = "circular"
    with pytest.raises(UnsupportedModel, match=r"or leave these exact \(1 in patch_sizes\)"):
        GradientFilter().apply(model)
    assert [2, 2, 2, 1] == sizes(GradientFilter(patch_sizes={"last": 1}).apply(model))
