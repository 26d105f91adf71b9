"""folder:NAME: a board's own photographs, one folder per class.

    NAME/train/CLASS/*.jpg and NAME/val/CLASS/*.jpg        val is the official held-out part
    NAME/CLASS/*.jpg                                        a fifth is held out, drawn from the seed

Classes are numbered in the order of their names. Images are cut to a square (image_files.py) and
normalised with ImageNet's means and deviations (pixels.py).
"""

import os
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import torch

from gradfilter.bench.board import Board
from gradfilter.bench.datasets.board_files import check_inside, dataset_folder, first_few, folder_names
from gradfilter.bench.datasets.dataset import Dataset, DatasetSource, Examples
from gradfilter.bench.datasets.image_files import IMAGE_SUFFIXES, check_image, read_image
from gradfilter.bench.datasets.known_files import KnownFiles
from gradfilter.bench.datasets.pixels import normalised
from gradfilter.bench.datasets.voc import is_voc
from gradfilter.bench.errors import RefusedWorkload

_PREFIX = "folder:"
_FEWEST_CLASSES = 2

Labelled = List[Tuple[Path, int]]


class ImageFolder(Dataset):
    """Files with a label each, decoded when they are asked for."""

    def __init__(self, known: KnownFiles, classes: int, trained: Labelled, held_out: Labelled) -> None:
        super().__init__(classes, len(trained) + len(held_out), len(held_out))
        self._known = known
        self._trained = trained
        self._files = trained + held_out

    def load(self, indices: Sequence[int], image_size: int) -> Examples:
        """Images decoded now, and their labels."""
        chosen = [self._files[index] for index in indices]
        images = normalised([read_image(path, image_size) for path, _ in chosen])
        return images, torch.tensor([label for _, label in chosen])

    def labels(self) -> List[int]:
        """The label of every image that is not in val."""
        return [label for _, label in self._trained]

    def content(self) -> str:
        """The hash of all images; a class is a part of their names."""
        return self._known.content([path for path, _ in self._files])

    def check(self) -> None:
        """Open every file."""
        for path, _ in self._files:
            check_image(path)


class ImageFolders(DatasetSource):
    """Every folder of class folders on the board."""

    def claims(self, name: str) -> bool:
        """By its prefix."""
        return name.startswith(_PREFIX)

    def names(self, board: Board) -> List[str]:
        """Folders that hold folders, and are not laid out as PASCAL VOC."""
        folders = [board.datasets_dir / name for name in folder_names(board)]
        return [_PREFIX + folder.name for folder in folders if _subfolders(folder) and not is_voc(folder)]

    def absent(self, board: Board) -> Dict[str, str]:
        """A hint, where there is none."""
        if self.names(board):
            return {}
        layout = "%s/NAME/train/CLASS/*.jpg and …/val/CLASS/*.jpg, or %s/NAME/CLASS/*.jpg" % ((board.datasets_dir,) * 2)
        return {_PREFIX + "NAME": "this board has no folder of images by class. Put one there as %s." % layout}

    def open(self, name: str, board: Board) -> ImageFolder:
        """List the files; none is opened yet."""
        folder = dataset_folder(name, name[len(_PREFIX) :], board)
        trained, held_out = folder, None
        if (folder / "train").is_dir():
            trained, held_out = folder / "train", folder / "val"
            check_inside(name, [trained, held_out], board)
        classes = _subfolders(trained)
        if len(classes) < _FEWEST_CLASSES:
            raise RefusedWorkload(
                "dataset",
                "dataset %r: %s must have a folder for each of two or more classes, it has %s."
                % (name, trained, ", ".join(classes) or "none"),
            )
        files = _labelled(name, trained, classes, board)
        scored = _held_out(name, held_out, classes, board) if held_out else []
        return ImageFolder(KnownFiles(folder, board.cache_dir), len(classes), files, scored)


def _held_out(name: str, folder: Path, classes: List[str], board: Board) -> Labelled:
    if not folder.is_dir():
        raise RefusedWorkload(
            "dataset",
            "dataset %r has train/ and no val/, so nothing is held out. Add val/, or move the class folders of train/ "
            "up into %s: a fifth is then held out." % (name, folder.parent),
        )
    present = _subfolders(folder)
    strange = [label for label in present if label not in classes]
    if strange or not present:
        raise RefusedWorkload(
            "dataset",
            "dataset %r: %s must have the classes of train/, it has %s. Rename or remove what differs."
            % (name, folder, first_few(strange) if strange else "none"),
        )
    return _labelled(name, folder, classes, board)


def _labelled(name: str, folder: Path, classes: List[str], board: Board) -> Labelled:
    """The files of every class that is there, in the order of their names."""
    files: Labelled = []
    for number, label in enumerate(classes):
        if (folder / label).is_dir():
            check_inside(name, [folder / label], board)
            images = [path for path in sorted((folder / label).iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES]
            check_inside(name, images, board)
            if not images:
                raise RefusedWorkload(
                    "dataset",
                    "dataset %r: the class folder %s has no image (%s). Put images there or remove it."
                    % (name, folder / label, ", ".join(IMAGE_SUFFIXES)),
                )
            files += [(path, number) for path in images]
    return files


def _subfolders(folder: Path) -> List[str]:
    with os.scandir(str(folder)) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
