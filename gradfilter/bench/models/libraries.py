"""Late imports of the model libraries: they take seconds and memory, and a run pays only for the one it uses."""

import importlib
import importlib.util
import os
from typing import Any

from gradfilter.bench.board import Board
from gradfilter.bench.torchvision_operators import declare_missing_operators


def is_installed(module: str) -> bool:
    """Whether this Python has a library; found without importing it."""
    return importlib.util.find_spec(module) is not None


def import_timm(board: Board) -> Any:
    """timm, which keeps what it downloads in the board's cache."""
    _prepare(board)
    return importlib.import_module("timm")


def import_segmentation_models(board: Board) -> Any:
    """segmentation_models_pytorch, which keeps what it downloads in the board's cache."""
    _prepare(board)
    return importlib.import_module("segmentation_models_pytorch")


def _prepare(board: Board) -> None:
    """What must be so before the first import.

    A service may have no home to write to, so downloads go to the board's cache; an operator who
    set a folder for them keeps it.
    """
    for variable, folder in (("HF_HOME", "huggingface"), ("TORCH_HOME", "torch")):
        os.environ.setdefault(variable, str(board.cache_dir.absolute() / folder))
    declare_missing_operators()
