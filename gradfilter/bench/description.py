"""What this worker's Python can do, for the board's description."""

import platform
from typing import Iterable

import torch

from gradfilter.bench.board import Board
from gradfilter.bench.datasets import dataset_names
from gradfilter.bench.environment import loaded_version
from gradfilter.bench.models import model_names
from gradfilter.bench.schema import WorkerDescription
from gradfilter.methods import METHODS

_LIBRARIES = ("torch", "torchvision", "timm", "numpy")


def describe_worker(workloads: Iterable[str], board: Board) -> WorkerDescription:
    """Methods, models, data sets, workloads and versions that a job for this board can name."""
    models = model_names(board)
    versions = {library: loaded_version(library) for library in _LIBRARIES}
    return WorkerDescription(
        python_version=platform.python_version(),
        torch_version=torch.__version__,
        methods=[method.describe() for method in METHODS.values()],
        models=models,
        datasets=dataset_names(board),
        workloads=list(workloads),
        compute=["cpu"] + (["cuda"] if torch.cuda.is_available() else []),
        model_modules=board.model_modules,
        versions={library: version for library, version in versions.items() if version is not None},
    )
