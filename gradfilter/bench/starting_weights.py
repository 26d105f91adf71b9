"""What every run of a job starts from: made once by the preparation, read from the cache by each measured run.

    random, published or a file's weights  →  pretraining, if the job asks for it  →  a checkpoint in the cache

So a measured run needs no network, and all variants start from the same bytes.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.checkpoint import Checkpoint, checkpoint_path, load_checkpoint, save_checkpoint
from gradfilter.bench.datasets import name_with_content
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.events import EventWriter
from gradfilter.bench.file_hash import file_hash
from gradfilter.bench.models import library_version, published_weights
from gradfilter.bench.pretraining import pretrain
from gradfilter.bench.schema import TrainingWorkload
from gradfilter.bench.weights_file import find_weights_file, read_weights_file
from gradfilter.bench.weights_loading import load_weights
from gradfilter.bench.workload import Task

_FORMAT = 3  # raised whenever the same words come to mean other weights
_FILE = "file:"


def prepare_start(task: Task, events: EventWriter) -> Optional[Checkpoint]:
    """The weights that the workload's runs start from, made now unless the cache has a sound copy.

    None where they are random and not pretrained: each run then makes them from the seed.

    Raises:
        RefusedWorkload: the weights do not exist, cannot be fetched or do not fit the model.
    """
    path = _path(task)
    if path is None:
        return None
    checkpoint = load_checkpoint(path)
    if checkpoint is None:
        # In float32 whatever the job computes in, so that jobs of every type start from the same weights.
        checkpoint = _make(Task(replace(task.workload, dtype="float32"), task.board), events)
        save_checkpoint(path, checkpoint)
    return checkpoint


def require_start(task: Task) -> Optional[Checkpoint]:
    """The weights that a preparation must have made; None where they are random and not pretrained.

    Raises:
        RefusedWorkload: they are missing or damaged, or the files they come from have changed since.
    """
    path = _path(task)
    if path is None:
        return None
    checkpoint = load_checkpoint(path)
    if checkpoint is None:
        raise RefusedWorkload(
            "weights" if task.workload.pretraining is None else "pretraining",
            "the starting checkpoint %s is missing or damaged, or what it was made from has changed. "
            "Send this board a preparation of the job first." % path,
        )
    return checkpoint


def _path(task: Task) -> Optional[Path]:
    """Named by everything that decides the weights; None where the seed alone does."""
    workload, board, pretraining = task.workload, task.board, task.workload.pretraining
    if workload.weights == "random" and pretraining is None:
        return None
    decided_by: Dict[str, Any] = {
        "format": _FORMAT,
        "model": workload.model,
        "library": library_version(workload.model, board),
        "torch": torch.__version__,
        "classes": task.data.classes,  # the size of the head
        "weights": workload.weights,
    }
    if workload.weights.startswith(_FILE):
        decided_by["file"] = file_hash(find_weights_file(workload.weights[len(_FILE) :], board))
    if pretraining is None:
        decided_by["seed"] = workload.seed  # of what the weights do not cover
    else:
        decided_by.update(data=_pretrained_on(task), image_size=workload.image_size, pretraining=asdict(pretraining))
    return checkpoint_path(board.cache_dir, workload.model, decided_by)


def _make(task: Task, events: EventWriter) -> Checkpoint:
    pretraining = task.workload.pretraining
    model = task.build_model(task.workload.seed if pretraining is None else pretraining.seed)
    origin, not_loaded = _load(model, task.workload, task.board)
    if pretraining is None:
        return Checkpoint(model.state_dict(), origin, not_loaded)
    accuracy = pretrain(model, task, pretraining, events)
    return Checkpoint(model.state_dict(), origin, not_loaded, accuracy, _pretrained_on(task))


def _pretrained_on(task: Task) -> str:
    return name_with_content(task.workload.dataset, task.data)


def _load(model: nn.Module, workload: TrainingWorkload, board: Board) -> Tuple[str, List[str]]:
    """Load the workload's weights into the model; what they are, and the modules that they left random."""
    if workload.weights == "random":
        return "random", []
    if workload.weights == "pretrained":
        published = published_weights(workload.model, board)
        return published.origin, load_weights(model, published.state, published.origin, published.covers)
    path = find_weights_file(workload.weights[len(_FILE) :], board)
    origin = "%s sha256:%s" % (workload.weights, file_hash(path)[:16])
    return origin, load_weights(model, read_weights_file(path), workload.weights)
