"""cifar10 and cifar100: 60000 photographs of 32×32 pixels (A. Krizhevsky, 2009), from a board's own files.

https://www.cs.toronto.edu/~kriz/cifar.html, the binary version: each record is a label (of CIFAR-100
a coarse and a fine one; the fine one is used), then 1024 red, green and blue values, row by row.
The Python version of the same data is pickled, which can carry code, and is never opened. Images are
enlarged bilinearly and normalised with ImageNet's means and deviations (pixels.py).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
import torch

from gradfilter.bench.board import Board
from gradfilter.bench.datasets.board_files import check_inside
from gradfilter.bench.datasets.dataset import Dataset, DatasetSource, Examples
from gradfilter.bench.datasets.in_memory import enlarge
from gradfilter.bench.datasets.known_files import KnownFiles
from gradfilter.bench.datasets.pixels import normalised
from gradfilter.bench.errors import RefusedWorkload

_SIZE = 32
_PIXELS = 3 * _SIZE * _SIZE


@dataclass(frozen=True)
class Files:
    """What the archive of one of the two holds. train, test: file names, each with so many records."""

    classes: int
    label_bytes: int  # the last of them is the label
    folder: str
    pickled_folder: str
    train: Dict[str, int]
    test: Dict[str, int]
    archive: str

    @property
    def record_bytes(self) -> int:
        """Size of a label and an image."""
        return self.label_bytes + _PIXELS


CIFAR10 = Files(
    classes=10,
    label_bytes=1,
    folder="cifar-10-batches-bin",
    pickled_folder="cifar-10-batches-py",
    train={"data_batch_%d.bin" % number: 10000 for number in range(1, 6)},
    test={"test_batch.bin": 10000},
    archive="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
)
CIFAR100 = Files(
    classes=100,
    label_bytes=2,
    folder="cifar-100-binary",
    pickled_folder="cifar-100-python",
    train={"train.bin": 50000},
    test={"test.bin": 10000},
    archive="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
)


class Cifar(Dataset):
    """Records read from the files when they are asked for."""

    def __init__(self, files: Files, known: KnownFiles) -> None:
        held_out = sum(files.test.values())
        super().__init__(files.classes, sum(files.train.values()) + held_out, held_out)
        self._files = files
        self._known = known
        parts = (files.train, files.test)
        self._paths = [(known.folder / file, records) for part in parts for file, records in part.items()]

    def load(self, indices: Sequence[int], image_size: int) -> Examples:
        """Images read now and enlarged, and their labels."""
        records = [self._read(index) for index in indices]
        labels = [int(record[self._files.label_bytes - 1]) for record in records]
        images = [record[self._files.label_bytes :].reshape(3, _SIZE, _SIZE) for record in records]
        return enlarge(normalised(images), image_size), torch.tensor(labels)

    def labels(self) -> List[int]:
        """The label of every training image."""
        return [label for path, _ in self._paths[: len(self._files.train)] for label in self._labels_in(path)]

    def content(self) -> str:
        """The hash of its files."""
        return self._known.content([path for path, _ in self._paths])

    def check(self) -> None:
        """Look at every label; the sizes of the files were seen when they were opened."""
        for path, _ in self._paths:
            highest = max(self._labels_in(path))
            if highest >= self._files.classes:
                raise RefusedWorkload(
                    "dataset",
                    "%s has a label %d, and the classes are 0 to %d: it is damaged. Unpack %s again."
                    % (path, highest, self._files.classes - 1, self._files.archive),
                )

    def _labels_in(self, path: Path) -> List[int]:
        records = np.memmap(str(path), dtype=np.uint8, mode="r").reshape(-1, self._files.record_bytes)
        return [int(label) for label in records[:, self._files.label_bytes - 1]]

    def _read(self, index: int) -> "np.ndarray":
        path, position = self._find(index)
        with path.open("rb") as file:
            file.seek(position * self._files.record_bytes)
            record = np.frombuffer(file.read(self._files.record_bytes), dtype=np.uint8)
        if len(record) != self._files.record_bytes:
            raise RefusedWorkload("dataset", "%s became shorter while it was read." % path)
        return record

    def _find(self, index: int) -> Tuple[Path, int]:
        for path, records in self._paths:
            if index < records:
                return path, index
            index -= records
        raise IndexError(index)


class CifarSource(DatasetSource):
    """One of the two, where the board has all its files."""

    def __init__(self, name: str, files: Files) -> None:
        self._name = name
        self._files = files

    def claims(self, name: str) -> bool:
        """Exactly its name."""
        return name == self._name

    def names(self, board: Board) -> List[str]:
        """Its name, where every file is there and as large as it should be."""
        return [] if self._problems(board) else [self._name]

    def absent(self, board: Board) -> Dict[str, str]:
        """Every file that is missing or has another size, and where to get them."""
        problems = self._problems(board)
        return {self._name: self._advice(board, problems)} if problems else {}

    def open(self, name: str, board: Board) -> Cifar:
        """The data set, its files looked at and not read."""
        problems = self._problems(board)
        if problems:
            raise RefusedWorkload("dataset", "dataset %r: %s" % (name, self._advice(board, problems)))
        folder = board.datasets_dir / self._files.folder
        check_inside(name, [folder, *(folder / file for file in self._sizes())], board)
        return Cifar(self._files, KnownFiles(folder, board.cache_dir))

    def _sizes(self) -> Dict[str, int]:
        records = dict(self._files.train, **self._files.test)
        return {file: count * self._files.record_bytes for file, count in records.items()}

    def _problems(self, board: Board) -> List[str]:
        problems = []
        for file, size in self._sizes().items():
            path = board.datasets_dir / self._files.folder / file
            # os.path: Path.is_file raises below a folder that may not be entered.
            found = path.stat().st_size if os.path.isfile(str(path)) else None  # noqa: PTH113
            if found is None:
                problems.append("%s is missing (%d bytes)" % (file, size))
            elif found != size:
                problems.append("%s has %d bytes instead of %d" % (file, found, size))
        return problems

    def _advice(self, board: Board, problems: List[str]) -> str:
        pickled = board.datasets_dir / self._files.pickled_folder
        only_pickled = "%s is the pickled version, which is never opened. " % pickled if pickled.is_dir() else ""
        folder = board.datasets_dir / self._files.folder
        what = "in %s, %s. %s" % (folder, ", ".join(problems), only_pickled)
        return "%sUnpack %s in %s." % (what, self._files.archive, board.datasets_dir)
