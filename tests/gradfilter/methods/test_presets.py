"""The published configurations by name."""

import dataclasses

import pytest
from torch import nn

from gradfilter.errors import UnsupportedModel
from gradfilter.methods import GradientFilter, changed_layers
from gradfilter.methods.presets import PRESETS

# Tables 2 and 11 of the paper; the segmentation sizes are ours.
PUBLISHED = {
    "imagenet-last-2": (2, 2),
    "imagenet-last-4": (4, 2),
    "segmentation-last-5": (5, 4),
    "segmentation-last-10": (10, 4),
    "cifar-last-1-patch-2": (1, 2),
    "cifar-last-1-patch-4": (1, 4),
    "cifar-last-1-patch-7": (1, 7),
    "cifar-last-2-patch-2": (2, 2),
    "cifar-last-2-patch-4": (2, 4),
    "cifar-last-2-patch-7": (2, 7),
    "cifar-last-3-patch-2": (3, 2),
    "cifar-last-3-patch-4": (3, 4),
    "cifar-last-3-patch-7": (3, 7),
    "cifar-last-4-patch-2": (4, 2),
    "cifar-last-4-patch-4": (4, 4),
    "cifar-last-4-patch-7": (4, 7),
}


def eleven_convolutions():
    return nn.Sequential(*(nn.Conv2d(2, 2, 3, padding=1) for _ in range(11)))


def test_table_is_the_papers():
    """Every published choice has a preset, and no preset is without a source."""
    assert PUBLISHED == {name: (p.options["last"], p.options["patch_size"]) for name, p in PRESETS.items()}
    assert all("Table" in preset.source for preset in PRESETS.values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_preset_is_its_options(name):
    """A preset changes the layers that its options written out would, with their patch size."""
    last, patch_size = PUBLISHED[name]
    by_name = GradientFilter(preset=name).apply(eleven_convolutions())
    by_options = GradientFilter(last=last, patch_size=patch_size).apply(eleven_convolutions())
    assert changed_layers(by_options) == changed_layers(by_name)
    assert last == len(changed_layers(by_name))


def test_segmentation_presets_do_not_claim_to_be_the_papers():
    """One patch size for every layer is not what the paper used, and the preset's source says so."""
    assert all("not the paper's" in PRESETS[f"segmentation-last-{count}"].source for count in (5, 10))


def test_preset_takes_the_published_operator_too():
    """Arithmetic is no part of a preset, and can be chosen with it."""
    model = GradientFilter(preset="cifar-last-1-patch-7", reference_compat=True).apply(eleven_convolutions())
    assert ["gradient_filter patch_size=7, centred, published scale"] == [x.change for x in changed_layers(model)]


def test_preset_survives_a_copy_of_its_options():
    """A method's fields stay as they were given, so that they make the same method again."""
    method = GradientFilter(preset="imagenet-last-4")
    assert method == GradientFilter.from_options(dataclasses.asdict(method))
    assert GradientFilter(last=4, patch_size=2) == method.explicit()


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ({"last": 4}, "last"),
        ({"layers": ["a"], "types": ["standard"]}, "layers, types"),
        ({"patch_sizes": {"a": 2}}, "patch_sizes"),
        ({"patch_size": 4}, "patch_size"),
        ({"patch_size": 1}, "patch_size"),
    ],
    ids=str,
)
def test_preset_and_own_choice_exclude_each_other(options, left_out):
    """What a preset decides cannot be given beside it."""
    with pytest.raises(ValueError, match=f"^preset 'imagenet-last-4' already chooses .*: leave out {left_out}, or"):
        GradientFilter(preset="imagenet-last-4", **options)


def test_patch_size_that_agrees_is_no_contradiction():
    """Saying the preset's own patch size once more is allowed."""
    assert 7 == GradientFilter(preset="cifar-last-2-patch-7", patch_size=7).explicit().patch_size


def test_unknown_preset_is_refused_with_the_nearest():
    """A misspelt preset gets its neighbours, one that is far from all gets the list."""
    with pytest.raises(ValueError, match=r"^preset 'imagenet-last-3' is unknown. Nearest: imagenet-last-"):
        GradientFilter(preset="imagenet-last-3")
    with pytest.raises(ValueError, match=r"^preset 'x' is unknown. There are imagenet-last-2, "):
        GradientFilter(preset="x")


def test_preset_asks_for_its_layers():
    """A model with too few convolutions is refused as with the options themselves."""
    with pytest.raises(UnsupportedModel, match="Sequential has 1 Conv2d, and 4 were asked for"):
        GradientFilter(preset="imagenet-last-4").apply(nn.Sequential(nn.Conv2d(2, 2, 3)))


def test_presets_are_offered():
    """The description that a board sends names every preset."""
    (option,) = [option for option in GradientFilter.describe().options if option.name == "preset"]
    assert all(name in option.help for name in PRESETS)
