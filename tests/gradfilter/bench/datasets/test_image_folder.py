"""Folders of images by class, as real files."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from gradfilter.bench.datasets import absent_datasets, dataset_names, load_dataset
from gradfilter.bench.errors import RefusedWorkload

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def write_image(path, colour, size=(8, 8), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(str(path))


@pytest.fixture(name="flowers")
def fixture_flowers(board):
    """Two classes with three images each to train on and one each held out."""
    folder = board.datasets_dir / "flowers"
    for part, count in (("train", 3), ("val", 1)):
        for number in range(count):
            write_image(folder / part / "tulip" / f"{number}.png", (255, 0, 10 * number))
            write_image(folder / part / "rose" / f"{number}.jpg", (0, 0, 255))
    return folder


def test_classes_are_numbered_by_name(board, flowers):
    """
    The parts follow one another, the classes in the order of the alphabet.
    """
    data = load_dataset("folder:flowers", board)
    assert ("classification", 2, 8, 2) == (data.task, data.classes, data.images, data.held_out)
    assert [0, 0, 0, 1, 1, 1] == data.labels()
    assert [0, 1] == data.load([6, 7], 8)[1].tolist()
    data.check()


def test_images_are_normalised(board, flowers):
    """
    A pixel of a lossless image is its value less ImageNet's mean, over its deviation.
    """
    images, labels = load_dataset("folder:flowers", board).load([5], 4)
    assert ((1, 3, 4, 4), torch.float32, torch.int64) == (tuple(images.shape), images.dtype, labels.dtype)
    expected = (torch.tensor([255.0, 0.0, 20.0]).view(3, 1, 1) / 255 - MEAN) / STD
    assert torch.allclose(expected.expand(3, 4, 4), images[0], atol=1e-6)


def test_middle_of_a_wide_image_is_kept(board):
    """
    The shorter side is scaled to the size and the middle cut out: a third of an image three times as wide.
    """
    pixels = np.zeros((8, 24, 3), dtype=np.uint8)
    pixels[:, 8:16] = 255
    for label in ("wide", "other"):
        path = board.datasets_dir / "set" / label / "1.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(pixels).save(str(path))
    images, _ = load_dataset("folder:set", board).load([0], 8)
    assert torch.allclose((1 - MEAN) / STD, images[0], atol=1e-6)


@pytest.mark.parametrize(("mode", "colour"), [("L", 200), ("RGBA", (1, 2, 3, 4)), ("P", 1), ("1", 1)])
def test_other_kinds_of_image_become_rgb(board, flowers, mode, colour):
    """
    Grey, transparent and palette images have three channels in the end.
    """
    write_image(flowers / "train" / "rose" / "0.png", colour, mode=mode)
    assert (1, 3, 4, 4) == tuple(load_dataset("folder:flowers", board).load([0], 4)[0].shape)


def test_without_parts_nothing_is_officially_held_out(board):
    """
    Class folders right under the name: the split is the seed's to draw.
    """
    for label in ("a", "b"):
        write_image(board.datasets_dir / "plain" / label / "1.png", (1, 2, 3))
    (board.datasets_dir / "plain" / "a" / "notes.txt").write_text("not an image")
    data = load_dataset("folder:plain", board)
    assert (2, 0) == (data.images, data.held_out)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 no image", b"\x89PNG\r\n\x1a\n"])
def test_broken_file_is_named(board, flowers, content):
    """
    An empty, strange or cut file is refused by its name, by the preparation and by a run.
    """
    (flowers / "train" / "rose" / "1.jpg").write_bytes(content)
    data = load_dataset("folder:flowers", board)
    for use in (data.check, lambda: data.load([0, 1], 4)):
        with pytest.raises(RefusedWorkload, match=r"train/rose/1\.jpg cannot be read .* Replace it") as refusal:
            use()
        assert "dataset" == refusal.value.field


def test_pipe_is_no_image(board, flowers):
    """
    A named pipe is refused; opening it would wait for whoever writes to it.
    """
    os.mkfifo(str(flowers / "train" / "rose" / "9.jpg"))
    with pytest.raises(RefusedWorkload, match=r"train/rose/9\.jpg cannot be read .*it is no file"):
        load_dataset("folder:flowers", board).check()


def test_file_cut_in_the_middle_is_refused_when_it_is_decoded(board, flowers):
    """
    A whole header with half an image behind it is found at the latest when it is read.
    """
    path = flowers / "train" / "tulip" / "0.png"
    write_image(path, (9, 9, 9), size=(300, 300))
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(RefusedWorkload, match=r"tulip/0\.png cannot be read"):
        load_dataset("folder:flowers", board).load([3], 4)


def remove(path):
    for file in sorted(path.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    path.rmdir()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: remove(folder / "val"), r"has train/ and no val/.* move the class folders of train/ up"),
        (lambda folder: write_image(folder / "val" / "lily" / "1.png", 0), "val must have the classes .* it has lily"),
        (lambda folder: [remove(path) for path in (folder / "val").iterdir()], "val must have the classes .* has none"),
        (lambda folder: remove(folder / "train" / "rose"), "two or more classes, it has tulip"),
        (lambda folder: (folder / "train" / "empty").mkdir(), r"empty has no image \(\.jpg, "),
    ],
)
def test_wrong_layout_is_refused_in_words(board, flowers, change, sentence):
    """
    What is missing or too much is named, with what to do.
    """
    change(flowers)
    with pytest.raises(RefusedWorkload, match=sentence):
        load_dataset("folder:flowers", board)


def test_missing_folder_tells_which_there_are(board, flowers):
    """
    A name that is not there is answered with those that are.
    """
    with pytest.raises(RefusedWorkload, match=r"no folder .*trees .* data sets has flowers\."):
        load_dataset("folder:trees", board)


@pytest.mark.parametrize("name", ["folder:../secret", "folder:", "folder:a/b", "folder:.hidden", "folder:/etc"])
def test_name_cannot_lead_elsewhere(board, flowers, name):
    """
    A name is one folder of the board's own.
    """
    with pytest.raises(RefusedWorkload, match="must name one folder in"):
        load_dataset(name, board)


@pytest.mark.parametrize("inner", ["", "train/rose", "train/rose/9.jpg", "val"])
def test_link_that_leads_elsewhere_is_refused(board, flowers, tmp_path, inner):
    """
    Neither the data set, nor a class, nor a file may be a link out of the folder; a link inside it may.
    """
    outside = tmp_path / "outside" / "target"
    link = flowers / inner if inner else board.datasets_dir / "linked"
    if link.exists():
        outside.parent.mkdir()
        link.rename(outside)
    else:
        write_image(outside / "1.jpg" if not inner else outside.parent / "target.jpg", 0)
        outside = outside if not inner else outside.parent / "target.jpg"
    link.symlink_to(outside)
    with pytest.raises(RefusedWorkload, match="is a link that leads out of"):
        load_dataset("folder:flowers" if inner else "folder:linked", board)


def test_link_inside_is_followed(board, flowers):
    """
    One image may serve two classes.
    """
    (flowers / "train" / "rose" / "9.png").symlink_to(flowers / "train" / "tulip" / "0.png")
    assert 9 == load_dataset("folder:flowers", board).images


def test_link_to_itself_is_refused(board, flowers):
    """
    A link that leads nowhere is a file that cannot be read, and no stack trace.
    """
    link = flowers / "train" / "rose" / "9.png"
    link.symlink_to(link)
    with pytest.raises(RefusedWorkload, match=r"9\.png cannot be read \(OSError: "):
        load_dataset("folder:flowers", board).check()


def test_folders_are_listed_by_name(board, flowers, tmp_path):
    """
    Only folders that hold folders and lie inside are offered; the hint goes when there is one.
    """
    assert "folder:flowers" in dataset_names(board)
    assert "folder:NAME" not in absent_datasets(board)
    (board.datasets_dir / "empty").mkdir()
    (board.datasets_dir / "linked").symlink_to(tmp_path)
    assert ["folder:flowers"] == [name for name in dataset_names(board) if name.startswith("folder:")]


def test_hint_where_there_is_none(board):
    """
    An empty board says where the images go.
    """
    assert [] == [name for name in dataset_names(board) if ":" in name]
    hint = absent_datasets(board)["folder:NAME"]
    assert str(board.datasets_dir / "NAME" / "CLASS") in hint
