"""voc:NAME: photographs with masks, laid out as PASCAL VOC (M. Everingham et al., IJCV 2010).

    NAME/JPEGImages/ID.jpg    NAME/SegmentationClass/ID.png    NAME/ImageSets/Segmentation/{train,val}.txt

Masks are palette PNGs: 0 is background, 1 to 20 are the classes, 255 belongs to none. The ids of
train.txt are trained on; val.txt is the official held-out part. Image and mask are cut to the same
square (image_files.py), images normalised with ImageNet's means and deviations (pixels.py).
"""

import re
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
import torch

from gradfilter.bench.board import Board
from gradfilter.bench.datasets.board_files import check_inside, check_there, dataset_folder, folder_names
from gradfilter.bench.datasets.dataset import IGNORED, Dataset, DatasetSource, Examples, dominant_class
from gradfilter.bench.datasets.image_files import check_image, check_mask, read_image, read_mask
from gradfilter.bench.datasets.known_files import KnownFiles
from gradfilter.bench.datasets.pixels import normalised
from gradfilter.bench.errors import RefusedWorkload

_PREFIX = "voc:"
_CLASSES = 21
_IMAGES, _MASKS, _LISTS = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*\Z")  # of the official sets: 2007_000032


def is_voc(folder: Path) -> bool:
    """Whether a folder is laid out so, by its images' folder."""
    return (folder / _IMAGES).is_dir()


class Voc(Dataset):
    """Images and masks, decoded when they are asked for."""

    task = "segmentation"

    def __init__(self, known: KnownFiles, lists: List[Path], trained: List[str], held_out: List[str]) -> None:
        super().__init__(_CLASSES, len(trained) + len(held_out), len(held_out))
        self._trained = trained
        self._ids = trained + held_out
        self._known = known
        self._lists = lists

    def image(self, identifier: str) -> Path:
        """Where an image is."""
        return self._known.folder / _IMAGES / (identifier + ".jpg")

    def mask(self, identifier: str) -> Path:
        """Where its mask is."""
        return self._known.folder / _MASKS / (identifier + ".png")

    def files(self) -> List[Path]:
        """Every image and mask."""
        return [where(identifier) for where in (self.image, self.mask) for identifier in self._ids]

    def load(self, indices: Sequence[int], image_size: int) -> Examples:
        """Images and masks decoded now."""
        chosen = [self._ids[index] for index in indices]
        images = normalised([read_image(self.image(identifier), image_size) for identifier in chosen])
        masks = [read_mask(self.mask(identifier), image_size, _CLASSES, IGNORED) for identifier in chosen]
        return images, torch.from_numpy(np.stack(masks)).long()

    def labels(self) -> List[int]:
        """The dominant class of every mask that is trained on; decodes those that are new or changed."""
        return self._known.facts("dominant-class", _dominant_class, [self.mask(one) for one in self._trained])

    def content(self) -> str:
        """The hash of images, masks and lists."""
        return self._known.content(self.files() + self._lists)

    def check(self) -> None:
        """Open every image and mask."""
        for identifier in self._ids:
            check_mask(self.mask(identifier), check_image(self.image(identifier)))


class VocFolders(DatasetSource):
    """Every folder on the board that is laid out as PASCAL VOC."""

    task = "segmentation"

    def claims(self, name: str) -> bool:
        """By its prefix."""
        return name.startswith(_PREFIX)

    def names(self, board: Board) -> List[str]:
        """Folders with the images' folder."""
        return [_PREFIX + name for name in folder_names(board) if is_voc(board.datasets_dir / name)]

    def absent(self, board: Board) -> Dict[str, str]:
        """A hint, where there is none."""
        if self.names(board):
            return {}
        layout = "%s/NAME/%s, …/%s and …/%s/{train,val}.txt" % (board.datasets_dir, _IMAGES, _MASKS, _LISTS)
        return {
            _PREFIX + "NAME": "this board has no images with masks. Put a set laid out as PASCAL VOC as %s." % layout
        }

    def open(self, name: str, board: Board) -> Voc:
        """Read the lists; no image is opened yet."""
        folder = dataset_folder(name, name[len(_PREFIX) :], board)
        lists = [folder / _LISTS / (part + ".txt") for part in ("train", "val")]
        folders = [folder / _IMAGES, folder / _MASKS]
        check_there(name, folders + lists)
        check_inside(name, [*folders, folder / "ImageSets", folder / _LISTS, *lists], board)
        data = Voc(KnownFiles(folder, board.cache_dir), lists, *[_read_ids(name, path) for path in lists])
        check_there(name, data.files())
        check_inside(name, data.files(), board)
        return data


def _dominant_class(mask: Path) -> int:
    return dominant_class(read_mask(mask, None, _CLASSES, IGNORED))


def _read_ids(name: str, path: Path) -> List[str]:
    try:
        ids = path.read_text(encoding="utf-8").split()
    except UnicodeDecodeError as error:
        raise RefusedWorkload("dataset", "dataset %r: %s is no list of names in UTF-8." % (name, path)) from error
    strange = [identifier for identifier in ids if not _ID.match(identifier)]
    if strange or not ids:
        raise RefusedWorkload(
            "dataset",
            "dataset %r: %s must list the names of images, one a line and without a suffix, got %r."
            % (name, path, strange[0][:100] if strange else "nothing"),
        )
    return ids
