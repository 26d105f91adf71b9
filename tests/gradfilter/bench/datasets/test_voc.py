"""Images with masks in PASCAL VOC's layout, as real files."""

import numpy as np
import pytest
import torch
from PIL import Image

from gradfilter.bench.datasets import IGNORED, absent_datasets, dataset_names, load_dataset
from gradfilter.bench.errors import RefusedWorkload

MASK = np.zeros((8, 8), dtype=np.uint8)
MASK[:4] = 20
MASK[4:6] = IGNORED
MASK[6, :4] = 3


def save_mask(path, numbers):
    mask = Image.fromarray(numbers)
    mask.putpalette([value for index in range(256) for value in (index, 0, 255 - index)])
    mask.save(str(path))


@pytest.fixture(name="folder")
def fixture_folder(board):
    """Three images to train on and one held out; the first mask has everything."""
    folder = board.datasets_dir / "tiny"
    for inner in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / inner).mkdir(parents=True)
    masks = {"2007_1": MASK, "2007_2": np.full((8, 8), 5, np.uint8), "2007_3": np.zeros((8, 8), np.uint8), "v": MASK}
    for name, numbers in masks.items():
        Image.new("RGB", (8, 8), (50, 100, 150)).save(str(folder / "JPEGImages" / (name + ".jpg")))
        save_mask(folder / "SegmentationClass" / (name + ".png"), numbers)
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_text("2007_1\n2007_2\n2007_3\n")
    (folder / "ImageSets" / "Segmentation" / "val.txt").write_text("v\n")
    return folder


def test_masks_are_the_palettes_numbers(board, folder):
    """
    A mask's classes are its pixels' numbers, not their colours; 255 stays, and val is held out.
    """
    data = load_dataset("voc:tiny", board)
    assert ("segmentation", 21, 4, 1) == (data.task, data.classes, data.images, data.held_out)
    images, masks = data.load([0, 3], 8)
    assert ((2, 3, 8, 8), torch.float32) == (tuple(images.shape), images.dtype)
    assert torch.int64 == masks.dtype
    assert np.array_equal(MASK, masks[0].numpy())
    assert torch.equal(masks[0], masks[1])
    data.check()


def test_labels_are_the_dominant_classes_to_train_on(board, folder):
    """
    20 has most pixels of the first mask; a mask of background alone is background.
    """
    assert [20, 5, 0] == load_dataset("voc:tiny", board).labels()


def test_masks_are_decoded_for_their_labels_once(board, folder):
    """
    After the preparation a run knows the labels without a mask's pixels; a mask that has changed is decoded anew.
    """
    assert [20, 5, 0] == load_dataset("voc:tiny", board).labels()
    kept = next(board.cache_dir.glob("known-dominant-class-*.json"))
    kept.write_text(kept.read_text().replace(", 20]", ", 19]"))
    save_mask(folder / "SegmentationClass" / "2007_3.png", np.full((9, 9), 7, np.uint8))
    assert [19, 5, 7] == load_dataset("voc:tiny", board).labels()


def test_scaled_mask_mixes_no_classes(board, folder):
    """
    At another size a mask has the same numbers and no other.
    """
    for size in (3, 32):
        _, masks = load_dataset("voc:tiny", board).load([0], size)
        assert {0, 3, 20, IGNORED} >= set(masks.unique().tolist())


def test_mask_is_cut_as_its_image_is(board, folder):
    """
    The same square of a wide pair: where the image is white, the mask has its class.
    """
    pixels = np.zeros((6, 14, 3), dtype=np.uint8)
    pixels[:, 5:9] = 255
    Image.fromarray(pixels).save(str(folder / "JPEGImages" / "2007_1.jpg"), quality=100, subsampling=0)
    save_mask(folder / "SegmentationClass" / "2007_1.png", (pixels[..., 0] // 255) * np.uint8(7))
    images, masks = load_dataset("voc:tiny", board).load([0], 6)
    assert torch.equal(images[0, 0] > 0, masks[0] == 7)
    assert 24 == int((masks == 7).sum())


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("SegmentationClass", "there is no .*tiny/SegmentationClass"),
        ("ImageSets/Segmentation/val.txt", r"there is no .*Segmentation/val\.txt"),
        ("JPEGImages/2007_2.jpg", r"there is no .*JPEGImages/2007_2\.jpg"),
        ("SegmentationClass/v.png", r"there is no .*SegmentationClass/v\.png"),
    ],
)
def test_missing_piece_is_named(board, folder, missing, sentence):
    """
    A list, a folder, an image or a mask that is not there.
    """
    (folder / missing).rename(folder / "elsewhere")
    with pytest.raises(RefusedWorkload, match="not complete: " + sentence):
        load_dataset("voc:tiny", board)


@pytest.mark.parametrize("content", ["../../etc/passwd\n", "/etc/passwd\n", "", "2007_1 1\n-1\n"])
def test_list_must_hold_names(board, folder, content):
    """
    A list cannot lead out of the data set, and holds something.
    """
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_text(content)
    with pytest.raises(RefusedWorkload, match=r"train\.txt must list the names of images"):
        load_dataset("voc:tiny", board)


def test_link_that_leads_elsewhere_is_refused(board, folder, tmp_path):
    """
    A mask may not be a link out of the board's data sets.
    """
    outside = tmp_path / "outside.png"
    (folder / "SegmentationClass" / "v.png").rename(outside)
    (folder / "SegmentationClass" / "v.png").symlink_to(outside)
    with pytest.raises(RefusedWorkload, match=r"v\.png is a link that leads out of"):
        load_dataset("voc:tiny", board)


def test_mask_of_colours_is_refused(board, folder):
    """
    Colours are no classes.
    """
    Image.new("RGB", (8, 8)).save(str(folder / "SegmentationClass" / "v.png"))
    with pytest.raises(RefusedWorkload, match=r"v\.png must hold one number per pixel .*, its mode is RGB"):
        load_dataset("voc:tiny", board).check()


def test_mask_of_another_size_is_refused(board, folder):
    """
    A mask that is not as large as its image cannot belong to it.
    """
    save_mask(folder / "SegmentationClass" / "v.png", np.zeros((8, 9), np.uint8))
    with pytest.raises(RefusedWorkload, match="as large as its image, 8×8, it is 9×8"):
        load_dataset("voc:tiny", board).check()


def test_class_that_there_is_not_is_refused(board, folder):
    """
    A pixel of class 21 has no output to be compared with.
    """
    save_mask(folder / "SegmentationClass" / "2007_2.png", np.full((8, 8), 21, np.uint8))
    with pytest.raises(RefusedWorkload, match=r"2007_2\.png has a pixel of class 21; the classes are 0 to 20"):
        load_dataset("voc:tiny", board).load([1], 8)


def test_broken_mask_is_named(board, folder):
    """
    The preparation opens every mask.
    """
    (folder / "SegmentationClass" / "v.png").write_bytes(b"")
    with pytest.raises(RefusedWorkload, match=r"v\.png cannot be read"):
        load_dataset("voc:tiny", board).check()


def test_layout_decides_which_kind_it_is(board, folder):
    """
    A folder with JPEGImages is offered with masks, and not as a folder of classes.
    """
    names = dataset_names(board)
    assert "voc:tiny" in names
    assert "folder:tiny" not in names
    assert "voc:NAME" not in absent_datasets(board)


def test_hint_where_there_is_none(board):
    """
    An empty board says what goes where.
    """
    assert "JPEGImages" in absent_datasets(board)["voc:NAME"]
