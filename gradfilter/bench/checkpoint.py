"""Starting checkpoints: .npz files in the board's cache, named by what they were made from.

No pickle, so that a file can be passed between boards and versions of torch without trust. The
name is a hash over everything that decides the weights; the file carries a hash of its content.
"""

import hashlib
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Dict, Optional
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models import library_version
from gradfilter.bench.schema import TrainingWorkload

_FORMAT = 1  # raised whenever pretraining itself changes
_ABOUT = "about.json"  # not a name that a parameter can have: modules may not hold a dot, and this is no module's

Arrays = Dict[str, "np.ndarray"]


class Checkpoint:
    """A network's weights and the accuracy it reached on the held-out piece of its own part."""

    def __init__(self, state: Dict[str, Tensor], accuracy: float) -> None:
        self.state = state
        self.accuracy = accuracy

    def load_into(self, model: nn.Module) -> None:
        """Copy the weights into a network of the same architecture."""
        model.load_state_dict(self.state)


def checkpoint_path(cache_dir: Path, workload: TrainingWorkload) -> Path:
    """Where the starting checkpoint of a workload is, or will be."""
    if workload.pretraining is None:
        raise ValueError("the workload asks for no pretraining, so it has no starting checkpoint.")
    origin = {
        "format": _FORMAT,
        "model": workload.model,
        "dataset": workload.dataset,
        "image_size": workload.image_size,
        "pretraining": asdict(workload.pretraining),
        "torch": torch.__version__,
        "library": library_version(workload.model),
    }
    digest = hashlib.sha256(json.dumps(origin, sort_keys=True).encode("utf-8")).hexdigest()
    return cache_dir / ("start-%s-%s.npz" % (workload.model.replace("/", "_"), digest[:16]))


def save_checkpoint(path: Path, model: nn.Module, accuracy: float) -> None:
    """Write the file under a temporary name and rename it, so that no half-written one is ever seen."""
    arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in model.state_dict().items()}
    about = json.dumps({"sha256": _content_hash(arrays), "accuracy": accuracy})
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=".part", dir=str(path.parent))
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **{**arrays, _ABOUT: np.array(about)})
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def load_checkpoint(path: Path) -> Optional[Checkpoint]:
    """Read a checkpoint; None where there is none, or where its content is not what was written."""
    try:
        # Opened here, as np.load leaves a file that it cannot read open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(str(arrays.pop(_ABOUT)))
    except (OSError, EOFError, KeyError, ValueError, BadZipFile):  # EOFError: the file is empty
        return None
    if about["sha256"] != _content_hash(arrays):
        return None
    return Checkpoint({name: torch.from_numpy(array) for name, array in arrays.items()}, about["accuracy"])


def require_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint that a preparation must have made.

    Raises:
        RefusedWorkload: it is missing or damaged.
    """
    checkpoint = load_checkpoint(path)
    if checkpoint is None:
        raise RefusedWorkload(
            "pretraining",
            "the starting checkpoint %s is missing or damaged. Send this board a preparation of the job first." % path,
        )
    return checkpoint


def _content_hash(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode("utf-8"))
        digest.update(str((arrays[name].dtype, arrays[name].shape)).encode("utf-8"))
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
