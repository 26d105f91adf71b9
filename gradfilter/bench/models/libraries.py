"""Late imports of the model libraries: they take seconds and memory, and a run pays only for the one it uses."""

import importlib
import importlib.util
from typing import Any

from gradfilter.bench.torchvision_operators import declare_missing_operators


def is_installed(module: str) -> bool:
    """Whether this Python has a library; found without importing it."""
    return importlib.util.find_spec(module) is not None


def import_timm() -> Any:
    """The library timm."""
    return _import("timm")


def import_segmentation_models() -> Any:
    """The library segmentation-models-pytorch."""
    return _import("segmentation_models_pytorch")


def _import(module: str) -> Any:
    declare_missing_operators()  # both import torchvision
    return importlib.import_module(module)
