"""Which convolutions the options last, layers and types select, and what they refuse."""

import pytest
from torch import nn

from gradfilter.errors import UnsupportedModel
from gradfilter.methods import GradientFilter, changed_layers
from gradfilter.methods.layer_selection import LayerSelection, convolution_type

CONVOLUTIONS = ["stem.0", "block.depthwise", "block.pointwise", "last"]


def selected(model, **selection):
    return [name for name, _ in LayerSelection(**selection).convolutions(model, "a method")]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, CONVOLUTIONS),
        ({"last": 2}, CONVOLUTIONS[2:]),
        ({"layers": ["block.*"]}, CONVOLUTIONS[1:3]),
        ({"layers": ["*wise", "stem.?"]}, CONVOLUTIONS[:3]),
        ({"layers": ["block.[dp]*", "block.depthwise"]}, CONVOLUTIONS[1:3]),
        ({"layers": ["last", "stem.0"]}, ["stem.0", "last"]),
        ({"layers": ["*"]}, CONVOLUTIONS),
        ({"types": ["standard"]}, ["stem.0", "last"]),
        ({"types": ["depthwise", "pointwise"]}, CONVOLUTIONS[1:3]),
        ({"types": ["standard", "grouped"]}, ["stem.0", "last"]),
        ({"layers": ["block.*"], "types": ["pointwise", "standard"]}, ["block.pointwise"]),
        ({"layers": ["*.*"], "last": 2}, CONVOLUTIONS[1:3]),
        ({"types": ["standard"], "last": 1}, ["last"]),
        ({"layers": ["s*", "b*"], "types": ["standard", "pointwise"], "last": 2}, ["stem.0", "block.pointwise"]),
    ],
    ids=str,
)
def test_names_and_types_are_narrowed_to_the_last(selection, expected, small_network):
    """Candidates fit both layers and types; of these the last so many count, in the model's order."""
    assert expected == selected(small_network(), **selection)


@pytest.mark.parametrize(
    ("expected", "conv"),
    [
        ("standard", nn.Conv2d(4, 6, 3)),
        ("standard", nn.Conv2d(4, 6, (1, 3))),
        ("standard", nn.Conv2d(1, 6, 3)),
        ("pointwise", nn.Conv2d(4, 6, 1, stride=2)),
        ("depthwise", nn.Conv2d(4, 4, 3, groups=4)),
        ("depthwise", nn.Conv2d(4, 8, 1, groups=4)),
        ("grouped", nn.Conv2d(4, 6, 3, groups=2)),
        ("grouped", nn.Conv2d(4, 6, 1, groups=2)),
    ],
    ids=str,
)
def test_every_convolution_has_one_type(expected, conv):
    """Groups decide before the kernel's size."""
    assert expected == convolution_type(conv)


def test_bare_convolution_has_the_empty_name():
    """A model that is a convolution can be named, and fits the pattern for everything."""
    assert [""] == selected(nn.Conv2d(2, 2, 3), layers=[""])
    assert [""] == selected(nn.Conv2d(2, 2, 3), layers=["*"])


@pytest.mark.parametrize(
    ("selection", "sentence"),
    [
        ({"last": 5}, "SmallNetwork has 4 Conv2d, and 5 were asked for."),
        ({"types": ["grouped"]}, "SmallNetwork has 0 Conv2d of type grouped, and 1 were asked for."),
        (
            {"types": ["depthwise", "pointwise"], "last": 3},
            "SmallNetwork has 2 Conv2d of type depthwise or pointwise, and 3 were asked for.",
        ),
        ({"layers": ["block.*"], "last": 3}, "SmallNetwork has 2 Conv2d that fit layers, and 3 were asked for."),
        (
            {"layers": ["last"], "types": ["depthwise"]},
            "SmallNetwork has 0 Conv2d of type depthwise that fit layers, and 1 were asked for.",
        ),
    ],
    ids=str,
)
def test_too_few_convolutions(selection, sentence, small_network):
    """Asking for more than fits is refused with the number there are and what narrowed it."""
    with pytest.raises(UnsupportedModel) as refusal:
        selected(small_network(), **selection)
    assert [sentence] == refusal.value.problems


def test_model_without_convolutions():
    """There is nothing to filter in a linear model."""
    with pytest.raises(UnsupportedModel, match="Linear has 0 Conv2d, and 1 were asked for"):
        GradientFilter().apply(nn.Linear(2, 2))


def test_entries_that_fit_no_convolution(small_network):
    """Each wrong entry is told apart: missing, with the nearest; of another kind; holding convolutions; a pattern."""
    with pytest.raises(UnsupportedModel) as refusal:
        selected(small_network(), layers=["lasst", "head", "block", "last", "blok.*wise", "he*", "zzz"])
    assert [
        "lasst: there is no such module. Nearest: last.",
        "head: it is a Linear, not a Conv2d.",
        "block: it is a Block, not a Conv2d. Its convolutions are block.*.",
        "blok.*wise: no Conv2d fits this pattern. Nearest: block.pointwise, block.depthwise.",
        "he*: no Conv2d fits this pattern. The last Conv2d is last.",
        "zzz: there is no such module. The last Conv2d is last.",
    ] == refusal.value.problems


def test_many_and_long_entries_make_a_short_sentence(small_network):
    """A list of thousands of wrong names is told by the first and their number, and none at full length."""
    with pytest.raises(UnsupportedModel) as refusal:
        selected(small_network(), layers=[f"layer{i}" for i in range(5000)])
    assert 5000 == len(refusal.value.problems)
    assert "layer6: there is no such module." in str(refusal.value)
    assert " And 4992 more. layer4999: there is no such module." in str(refusal.value)
    with pytest.raises(UnsupportedModel) as refusal:
        selected(small_network(), layers=["x" * 5000, ""])
    assert "x" * 100 + ": there is no such module. The last Conv2d is last." == refusal.value.problems[0]
    assert "the model itself: it is a SmallNetwork, not a Conv2d." == refusal.value.problems[1]


def test_refused_selection_leaves_the_model(small_network):
    """A misspelt entry beside a right one changes nothing."""
    model = small_network()
    with pytest.raises(UnsupportedModel):
        GradientFilter(layers=["last", "lasst"]).apply(model)
    assert [] == changed_layers(model)
