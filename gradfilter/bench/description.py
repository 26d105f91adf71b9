"""What this worker's Python can do, for the board's description."""

import importlib
import platform
from typing import Any, Iterable, Optional

import torch

from gradfilter.bench.board import Board
from gradfilter.bench.convolution_check import check_convolutions
from gradfilter.bench.datasets import absent_datasets, dataset_names
from gradfilter.bench.environment import loaded_version
from gradfilter.bench.models import absent_models, model_names
from gradfilter.bench.schema import ConvolutionCheck, WorkerDescription
from gradfilter.methods import METHODS

_LIBRARIES = ("torch", "torchvision", "timm", "numpy")
_LOADED_BY_SOME_JOBS = ("segmentation_models_pytorch", "safetensors")


def describe_worker(workloads: Iterable[str], board: Board) -> WorkerDescription:
    """Methods, models, data sets, workloads and versions that a job for this board can name."""
    models = model_names()
    convolutions = check_convolutions()
    wrong = {check.compute: _advice(check) for check in convolutions if not check.correct}
    versions = {library: loaded_version(library) for library in _LIBRARIES}
    versions.update({library: _installed_version(library) for library in _LOADED_BY_SOME_JOBS})
    return WorkerDescription(
        python_version=platform.python_version(),
        torch_version=torch.__version__,
        methods=[method.describe() for method in METHODS.values()],
        models=models,
        datasets=dataset_names(board),
        workloads=list(workloads),
        compute=[check.compute for check in convolutions if check.correct],
        absent=dict(absent_models(), **absent_datasets(board), **wrong),
        model_modules=board.model_modules,
        versions={library: found for library, found in versions.items() if found is not None},
        convolutions=convolutions,
    )


def _advice(check: ConvolutionCheck) -> str:
    return "torch %s computes convolutions wrongly there: %s. Install a torch that is made for this board." % (
        torch.__version__,
        check.error,
    )


def _installed_version(library: str) -> Optional[str]:
    """The version of a library that is too slow to import for this alone."""
    try:
        metadata: Any = importlib.import_module("importlib.metadata")
        return str(metadata.version(library))
    except ImportError:  # it is not installed, or Python is older than 3.8, for which it does not exist
        return None
