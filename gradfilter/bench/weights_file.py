"""Files of weights in the board's own folder, read without ever running what is in them.

A job names a file; which files there are is the board's to say.
"""

import inspect
import pickle
from pathlib import Path
from typing import Any, Callable, Dict, cast
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from gradfilter.bench.board import Board, lies_inside
from gradfilter.bench.checkpoint import ABOUT
from gradfilter.bench.errors import RefusedWorkload, in_words
from gradfilter.bench.models.libraries import is_installed

_NAMED = 12  # files that a refusal lists
_ANEW = "Write it anew: names and tensors only."
_WRAPPINGS = ("state_dict", "model_state_dict", "model")

State = Dict[str, Tensor]


def find_weights_file(name: str, board: Board) -> Path:
    """The path of a file in the board's weights folder.

    Raises:
        RefusedWorkload: no such file, one of a kind that is not read, or one that lies elsewhere.
    """
    folder = board.weights_dir
    path = folder / name
    if path.suffix not in READERS:
        raise _refusal(name, "is of no kind that is read: %s" % ", ".join(READERS), "Rename or convert it.")
    if not lies_inside(path, folder):
        raise _refusal(name, "lies outside the board's weights folder %s" % folder, "Copy it there.")
    if not path.is_file():
        raise _refusal(name, "is not in the board's weights folder %s" % folder, _there_is(folder))
    return path


def read_weights_file(path: Path) -> State:
    """Names to tensors.

    Raises:
        RefusedWorkload: it cannot be read here without trust, is damaged, or holds something else.
    """
    stored = READERS[path.suffix](path)
    state = _unwrapped(stored)
    if not (isinstance(state, dict) and state and all(_is_named_tensor(*item) for item in state.items())):
        raise _refusal(path.name, "holds no names with tensors", "Save the model's state_dict() in it.")
    strange = [name for name, tensor in state.items() if not _holds_numbers(tensor)]
    if strange:
        what = "has a tensor %r that is no plain array of real numbers, none of them NaN" % strange[0][:100]
        raise _refusal(path.name, what, "Save dense weights of floats or integers, of a training that went well.")
    return cast("State", state)


def _is_named_tensor(name: Any, value: Any) -> bool:
    return isinstance(name, str) and isinstance(value, Tensor)


def _holds_numbers(tensor: Tensor) -> bool:
    is_plain = tensor.layout is torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    return is_plain and not tensor.is_complex() and not bool(torch.isnan(tensor).any())


def _read_npz(path: Path) -> Any:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            # A starting checkpoint of this project is such a file, with a word about itself.
            return {name: torch.from_numpy(stored[name]) for name in stored.files if name != ABOUT}
    except (OSError, EOFError, ValueError, TypeError, AttributeError, MemoryError, BadZipFile) as error:
        raise _unreadable(path, error) from error


def _read_safetensors(path: Path) -> Any:
    if not is_installed("safetensors"):
        raise _refusal(
            path.name,
            "needs the library safetensors, which the worker's Python does not have",
            "Install it there, or convert the file to .npz.",
        )
    from safetensors import SafetensorError  # noqa: PLC0415 (not every board has it)
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(str(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _read_torch(path: Path) -> Any:
    # A pickle may run code as it is read; torch.load can be told to refuse that since 1.13.
    if "weights_only" not in inspect.signature(torch.load).parameters:
        raise _refusal(
            path.name,
            "is a pickle, which may run code, and torch %s cannot read it without" % torch.__version__,
            "Convert it to .npz on another machine.",
        )
    try:
        return torch.load(str(path), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own words for it advise to trust the file
        raise _refusal(path.name, "holds more than names and tensors, or is no file of torch", _ANEW) from error
    except Exception as error:  # a damaged pickle raises almost anything
        raise _unreadable(path, error) from error


READERS: Dict[str, Callable[[Path], Any]] = {
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
    ".pt": _read_torch,
    ".pth": _read_torch,
    ".bin": _read_torch,
}


def _unwrapped(stored: Any) -> Any:
    """The state dict itself, where training scripts have put it beside an epoch or an optimizer."""
    if isinstance(stored, dict):
        for name in _WRAPPINGS:
            if isinstance(stored.get(name), dict):
                return stored[name]
    return stored


def _there_is(folder: Path) -> str:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in READERS)
    if not files:
        return "It holds no weights: put the file there."
    more = " and %d more" % (len(files) - _NAMED) if len(files) > _NAMED else ""
    return "There are %s%s." % (", ".join(files[:_NAMED]), more)


def _unreadable(path: Path, error: BaseException) -> RefusedWorkload:
    what = "cannot be read as %s without trusting it (%s)" % (path.suffix, in_words(error))
    return _refusal(path.name, what, _ANEW)


def _refusal(name: str, what: str, advice: str) -> RefusedWorkload:
    return RefusedWorkload("weights", "the file of weights %r %s. %s" % (name, what, advice))
