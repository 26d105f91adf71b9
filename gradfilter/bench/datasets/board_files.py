"""A board's folder of data sets: what is in it, and never what is outside.

A job names a data set, so a name must not lead elsewhere; nor may a link that came with an archive.
"""

import os
import re
from pathlib import Path
from typing import Iterable, List

from gradfilter.bench.board import Board, lies_inside
from gradfilter.bench.errors import RefusedWorkload

_NAMED = 3  # of many missing or broken files, in a sentence
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+\-]*\Z")  # what a job's data set may be called, as one folder


def folder_names(board: Board) -> List[str]:
    """The folders that a job can name and the worker can read, sorted; none where there are no data sets."""
    if not _is_readable(board.datasets_dir):
        return []
    folders = [path for path in sorted(board.datasets_dir.iterdir()) if _FOLDER.match(path.name) and _is_readable(path)]
    return [path.name for path in folders if lies_inside(path, board.datasets_dir)]


def dataset_folder(name: str, folder: str, board: Board) -> Path:
    """The folder of a data set.

    Raises:
        RefusedWorkload: it is not there, is not one folder, or is a link that leads elsewhere.
    """
    if not _FOLDER.match(folder):
        raise RefusedWorkload(
            "dataset", "dataset %r must name one folder in %s, got %r." % (name, board.datasets_dir, folder)
        )
    path = board.datasets_dir / folder
    if not _is_readable(path):
        there = ", ".join(folder_names(board)) or "no folder"
        raise RefusedWorkload(
            "dataset",
            "dataset %r: there is no folder %s that the worker can read. The board's folder of data sets has %s."
            % (name, path, there),
        )
    check_inside(name, [path], board)
    return path


def check_inside(name: str, paths: Iterable[Path], board: Board) -> None:
    """Refuse links that lead out of the board's folder of data sets.

    Raises:
        RefusedWorkload: with the first of them.
    """
    for path in paths:
        if path.is_symlink() and not lies_inside(path, board.datasets_dir):
            raise RefusedWorkload(
                "dataset",
                "dataset %r: %s is a link that leads out of %s. Put the files themselves there."
                % (name, path, board.datasets_dir),
            )


def check_there(name: str, paths: Iterable[Path]) -> None:
    """Refuse a data set with files or folders missing.

    Raises:
        RefusedWorkload: with the first few of them.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise RefusedWorkload(
            "dataset",
            "dataset %r is not complete: there is no %s." % (name, first_few([str(path) for path in missing])),
        )


def first_few(names: List[str]) -> str:
    """The first few of many names, and how many there are besides."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else "%s and %d more" % (shown, len(names) - _NAMED)


def _is_readable(folder: Path) -> bool:
    # os.path: Path.is_dir raises below a folder that may not be entered.
    return os.path.isdir(str(folder)) and os.access(str(folder), os.R_OK | os.X_OK)  # noqa: PTH112
