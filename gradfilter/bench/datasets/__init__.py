"""Names of data sets to images and their labels or masks: what travels with the worker, and the board's own files.

A data set decides the task: images with labels are classified, images with masks are segmented.
"""

from contextlib import contextmanager
from typing import Dict, Iterator, List, Tuple

from gradfilter.bench.board import Board
from gradfilter.bench.datasets.cifar import CIFAR10, CIFAR100, CifarSource
from gradfilter.bench.datasets.dataset import IGNORED, Dataset, DatasetSource, Examples
from gradfilter.bench.datasets.digits import make_digits
from gradfilter.bench.datasets.image_folder import ImageFolders
from gradfilter.bench.datasets.in_memory import BuiltIn
from gradfilter.bench.datasets.shapes import Shapes
from gradfilter.bench.datasets.synthetic import make_synthetic
from gradfilter.bench.datasets.voc import VocFolders
from gradfilter.bench.errors import RefusedWorkload

__all__ = ["IGNORED", "Dataset", "Examples", "absent_datasets", "dataset_names", "load_dataset", "name_with_content"]

SOURCES: Tuple[DatasetSource, ...] = (
    BuiltIn("digits", make_digits),
    BuiltIn("synthetic", make_synthetic),
    BuiltIn("shapes", Shapes, "segmentation"),
    CifarSource("cifar10", CIFAR10),
    CifarSource("cifar100", CIFAR100),
    ImageFolders(),
    VocFolders(),
)


def dataset_names(board: Board, task: str = "") -> List[str]:
    """Every data set that is on this board, or those for one task."""
    return [name for source in SOURCES for name in source.names(board) if task in ("", source.task)]


def absent_datasets(board: Board) -> Dict[str, str]:
    """Data sets that are not on this board, each with what is missing and what to do."""
    return {name: reason for source in SOURCES for name, reason in source.absent(board).items()}


def load_dataset(name: str, board: Board) -> Dataset:
    """A data set by name.

    Raises:
        RefusedWorkload: this board has no such data set, or it is not as it should be.
    """
    for source in SOURCES:
        if source.claims(name):
            with _refusing_unreadable(name):
                return source.open(name, board)
    raise RefusedWorkload(
        "dataset", "dataset %r is unknown; this worker offers %s." % (name, ", ".join(dataset_names(board)))
    )


def name_with_content(name: str, data: Dataset) -> str:
    """A data set in words that change with it: 'folder:birds sha256:…'; of one that travels with the worker the name.

    Raises:
        RefusedWorkload: a file cannot be read.
    """
    with _refusing_unreadable(name):
        return (name + " " + data.content()).rstrip()


@contextmanager
def _refusing_unreadable(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RefusedWorkload(
            "dataset", "dataset %r cannot be read (%s). Let the worker's user read its files." % (name, error)
        ) from error
