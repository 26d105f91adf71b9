"""Names of models to networks: what the board's libraries know, what its modules offer, and one of our own.

The head has as many outputs as the data have classes; weights are random from the seed. Images are
always three-channel, so that published architectures are built as published.
"""

import difflib
from typing import Dict, List, Tuple

import torch
from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models.image_size import check_image_size, check_output
from gradfilter.bench.models.imported import ImportedModels
from gradfilter.bench.models.own import OwnModels
from gradfilter.bench.models.segmentation import SegmentationModels
from gradfilter.bench.models.source import ModelSource, PublishedWeights
from gradfilter.bench.models.timm import TimmModels
from gradfilter.methods.heads import head_modules, head_names

__all__ = [
    "absent_models",
    "build_model",
    "check_image_size",
    "check_output",
    "head_modules",
    "head_names",
    "library_version",
    "model_names",
    "model_task",
    "published_weights",
]

_NEAREST = 5

# Asked in this order: timm, whose list takes seconds to import, last.
SOURCES: Tuple[ModelSource, ...] = (
    OwnModels(),
    ImportedModels(),
    SegmentationModels(),
    TimmModels(),
)


def model_names() -> List[str]:
    """Every model that build_model takes by a plain name, sorted. Imports timm, whose list is its code."""
    return sorted(name for source in SOURCES for name in source.names())


def absent_models() -> Dict[str, str]:
    """Models that cannot be built here, and why."""
    return {name: reason for source in SOURCES for name, reason in source.absent().items()}


def build_model(name: str, classes: int, seed: int, board: Board) -> nn.Module:
    """A freshly initialised network, the same for the same seed.

    Raises:
        RefusedWorkload: no model has this name, or it cannot be built here with so many classes.
    """
    source = _source(name)
    torch.manual_seed(seed)
    try:
        return source.build(name, classes, board)
    except RefusedWorkload:
        raise
    except (TypeError, ValueError, RuntimeError) as error:
        raise RefusedWorkload(
            "model", "model %r cannot be built with %d classes (%s). Choose another." % (name, classes, error)
        ) from error


def model_task(name: str, board: Board) -> str:
    """What a model is for: 'classification' or 'segmentation'.

    Raises:
        RefusedWorkload: no model has this name here.
    """
    return _source(name).task(name, board)


def published_weights(name: str, board: Board) -> PublishedWeights:
    """The weights that a model's library publishes for it; needs the network the first time.

    Raises:
        RefusedWorkload: there are none, or they cannot be fetched.
    """
    return _source(name).published_weights(name, board)


def library_version(name: str, board: Board) -> str:
    """The library that a model comes from and its version; '' for our own."""
    return _source(name).version(name, board)


def _source(name: str) -> ModelSource:
    for source in SOURCES:
        if source.claims(name):
            return source
    nearest = difflib.get_close_matches(name, model_names(), n=_NEAREST)
    hint = "The nearest names are %s." % ", ".join(nearest) if nearest else "No name is near it."
    raise RefusedWorkload("model", "model %r is unknown on this board. %s" % (name, hint))
