"""Starting checkpoints: .npz files in the board's cache, named by what they were made from.

No pickle, so that a file can be passed between boards and versions of torch without trust. The
name is a hash over everything that decides the weights; the file carries a hash of its content.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Optional
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from gradfilter.bench.whole_file import whole_file

ABOUT = "about.json"  # not a name that a parameter can have: modules may not hold a dot, and this is no module's

Arrays = Dict[str, Any]  # names to NumPy arrays


class Checkpoint:
    """A network's weights and how they came to be.

    origin: what they were loaded from, in words. not_loaded: the modules left at their random start,
    since the weights were another data set's or a part of the network only. accuracy: after
    pretraining, on the held-out piece of its own part; None without pretraining. data: what it was
    pretrained on, with the hash of its content where that may change; '' without.
    """

    def __init__(
        self,
        state: Dict[str, Tensor],
        origin: str,
        not_loaded: List[str],
        accuracy: Optional[float] = None,
        data: str = "",
    ) -> None:
        self.state = state
        self.origin = origin
        self.not_loaded = not_loaded
        self.accuracy = accuracy
        self.data = data

    def load_into(self, model: nn.Module) -> None:
        """Copy the weights into a network of the same architecture."""
        model.load_state_dict(self.state)

    def facts(self) -> Dict[str, Any]:
        """What a record's environment says of them."""
        facts = {"weights_origin": self.origin, "weights_not_loaded": self.not_loaded}
        if self.accuracy is None:
            return facts
        return dict(facts, pretraining_accuracy=self.accuracy, pretraining_data=self.data)


def checkpoint_path(cache_dir: Path, model: str, decided_by: Dict[str, Any]) -> Path:
    """Where the checkpoint is, or will be, that these JSON values decide."""
    digest = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode("utf-8")).hexdigest()
    return cache_dir / ("start-%s-%s.npz" % (model.replace("/", "_").replace(":", "_"), digest[:16]))


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file; no half-written one is ever seen."""
    arrays: Arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in checkpoint.state.items()}
    about = {
        "sha256": _content_hash(arrays),
        "origin": checkpoint.origin,
        "not_loaded": checkpoint.not_loaded,
        "accuracy": checkpoint.accuracy,
        "data": checkpoint.data,
    }
    with whole_file(path) as file:
        np.savez(file, **{**arrays, ABOUT: np.array(json.dumps(about))})


def load_checkpoint(path: Path) -> Optional[Checkpoint]:
    """Read a checkpoint; None where there is none, or where its content is not what was written."""
    try:
        # Opened here, as np.load leaves a file that it cannot read open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(str(arrays.pop(ABOUT)))
    except (OSError, EOFError, KeyError, ValueError, BadZipFile):  # EOFError: the file is empty
        return None
    if about["sha256"] != _content_hash(arrays):
        return None
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return Checkpoint(state, about["origin"], about["not_loaded"], about["accuracy"], about["data"])


def _content_hash(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode("utf-8"))
        digest.update(str((arrays[name].dtype, arrays[name].shape)).encode("utf-8"))
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
