"""Files of weights: what is read, and what is refused without being trusted."""

import importlib.util
import inspect
import io
import pickle
import zipfile

import numpy as np
import pytest
import torch

from gradfilter.bench.board import Board
from gradfilter.bench.checkpoint import Checkpoint, save_checkpoint
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.tiny_cnn import TinyCnn
from gradfilter.bench.weights_file import find_weights_file, read_weights_file

needs_safetensors = pytest.mark.skipif(
    importlib.util.find_spec("safetensors") is None, reason="safetensors does not exist for this Python"
)
weights_only = "weights_only" in inspect.signature(torch.load).parameters
needs_weights_only = pytest.mark.skipif(not weights_only, reason="this torch cannot read pickles without running them")


@pytest.fixture(name="board")
def fixture_board(tmp_path):
    (tmp_path / "weights").mkdir()
    return Board(tmp_path / "cache", tmp_path / "datasets", tmp_path / "weights")


def as_arrays(state):
    return {name: tensor.numpy() for name, tensor in state.items()}


def save_safetensors(state, path):
    from safetensors.torch import save_file  # noqa: PLC0415 (not on every Python)

    save_file(state, str(path))


def refusal(act, *given):
    """The sentence with which a file is refused."""
    with pytest.raises(RefusedWorkload) as error:
        act(*given)
    assert "weights" == error.value.field
    return str(error.value)


@pytest.mark.parametrize(
    ("suffix", "save"),
    [
        (".npz", lambda state, path: np.savez(str(path), **as_arrays(state))),
        (".npz", lambda state, path: save_checkpoint(path, Checkpoint(state, "random", []))),
        pytest.param(".safetensors", save_safetensors, marks=needs_safetensors),
        pytest.param(".pt", torch.save, marks=needs_weights_only),
        pytest.param(
            ".pth", lambda state, path: torch.save({"epoch": 3, "state_dict": state}, path), marks=needs_weights_only
        ),
        pytest.param(".bin", lambda state, path: torch.save({"model": state}, path), marks=needs_weights_only),
    ],
    ids=["npz", "checkpoint", "safetensors", "pt", "state_dict", "model"],
)
def test_every_kind_gives_names_and_tensors(board, suffix, save):
    """
    The same weights come back from each kind of file, out of the usual wrappings too.
    """
    state = TinyCnn(10).state_dict()
    path = board.weights_dir / ("zoo" + suffix)
    save(state, path)
    found = read_weights_file(find_weights_file(path.name, board))
    assert set(state) == set(found)
    assert all(torch.equal(state[name], found[name]) for name in state)


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("suffix", [".pt", ".npz"])
def test_code_in_a_file_is_never_run(board, tmp_path, suffix):
    """
    A pickle that would run code is refused, and its code has not run.
    """
    path, touched = board.weights_dir / ("trap" + suffix), tmp_path / "touched"
    if suffix == ".pt":
        torch.save({"weight": torch.zeros(1), "trap": Trap(touched)}, str(path))
    else:
        np.savez(str(path), trap=np.array(Trap(touched), dtype=object))
    assert "'" + path.name + "' " in refusal(read_weights_file, path)
    assert not touched.exists()
    pickle.loads(pickle.dumps(Trap(touched))).close()
    assert touched.exists()  # the trap does work


@pytest.mark.skipif(weights_only, reason="this torch can read pickles without running them")
def test_pickle_is_refused_where_it_would_have_to_be_trusted(board):
    """
    An old torch refuses .pt by name and says what to do.
    """
    path = board.weights_dir / "zoo.pt"
    torch.save(TinyCnn(10).state_dict(), str(path))
    assert "is a pickle, which may run code" in refusal(read_weights_file, path)


@pytest.mark.parametrize("suffix", [".npz", pytest.param(".safetensors", marks=needs_safetensors), ".pt", ".bin"])
@pytest.mark.parametrize("content", [b"", b"no weights at all"], ids=["empty", "words"])
def test_damaged_file_is_refused(board, suffix, content):
    """
    Whatever a broken file makes its reader raise is told as a refusal.
    """
    path = board.weights_dir / ("broken" + suffix)
    path.write_bytes(content)
    assert "'" + path.name + "' " in refusal(read_weights_file, path)


@needs_weights_only
@pytest.mark.parametrize("stored", [[torch.zeros(1)], {"weight": [1.0]}, {}, {"epoch": 3}, {1: torch.zeros(1)}])
def test_file_without_names_of_tensors_is_refused(board, stored):
    """
    Weights are names with tensors, nothing else.
    """
    path = board.weights_dir / "other.pt"
    torch.save(stored, str(path))
    assert "holds no names with tensors. Save the model's state_dict()" in refusal(read_weights_file, path)


@needs_weights_only
@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([0.0, float("nan")]),
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, device="meta"),
    ],
    ids=["nan", "complex", "sparse", "meta"],
)
def test_tensor_without_real_numbers_is_refused(board, tensor):
    """
    What could not be copied into a network, or would spoil it, is refused by its name.
    """
    path = board.weights_dir / "other.pt"
    torch.save({"fine": torch.zeros(1), "spoilt": tensor}, str(path))
    assert "has a tensor 'spoilt' that is no plain array of real numbers" in refusal(read_weights_file, path)


def test_array_that_claims_more_than_the_memory_is_refused(board):
    """
    A few bytes that promise terabytes are the file's fault, not the job's batch size.
    """
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**15,)})
    path = board.weights_dir / "claims.npz"
    with zipfile.ZipFile(str(path), "w") as archive:
        archive.writestr("weight.npy", header.getvalue())
    assert "cannot be read as .npz" in refusal(read_weights_file, path)


def test_missing_file_names_those_that_are_there(board):
    """
    A misspelt name is answered with the folder's files, also those in folders below.
    """
    assert "It holds no weights: put the file there." in refusal(find_weights_file, "zoo.npz", board)
    (board.weights_dir / "lab").mkdir()
    for name in ("a.npz", "lab/b.pt", "notes.txt"):
        (board.weights_dir / name).write_bytes(b"")
    assert "is not in the board's weights folder" in refusal(find_weights_file, "zoo.npz", board)
    assert "There are a.npz, lab/b.pt." in refusal(find_weights_file, "zoo.npz", board)


def test_folder_that_does_not_exist_holds_nothing(tmp_path):
    """
    A board whose weights folder was never made says so as of an empty one.
    """
    board = Board(tmp_path, tmp_path, tmp_path / "nowhere")
    assert "It holds no weights" in refusal(find_weights_file, "zoo.npz", board)


@pytest.mark.parametrize("name", ["../outside.npz", "link.npz", "linked/outside.npz"])
def test_file_outside_the_folder_is_refused(board, tmp_path, name):
    """
    Neither dots nor links lead out of the weights folder.
    """
    np.savez(str(tmp_path / "outside.npz"), weight=np.zeros(1))
    (board.weights_dir / "link.npz").symlink_to(tmp_path / "outside.npz")
    (board.weights_dir / "linked").symlink_to(tmp_path)
    assert "lies outside the board's weights folder" in refusal(find_weights_file, name, board)


def test_weights_folder_may_itself_be_a_link(board, tmp_path):
    """
    Where the operator keeps the folder is the operator's choice.
    """
    (board.weights_dir / "zoo.npz").write_bytes(b"")
    (tmp_path / "elsewhere").symlink_to(board.weights_dir)
    linked = Board(tmp_path, tmp_path, tmp_path / "elsewhere")
    assert tmp_path / "elsewhere" / "zoo.npz" == find_weights_file("zoo.npz", linked)


@pytest.mark.parametrize("name", ["zoo.pkl", "zoo", "zoo.npz.txt"])
def test_unknown_kind_is_refused(board, name):
    """
    Only kinds that can be read without trust are looked for.
    """
    assert "is of no kind that is read: .safetensors, .npz, .pt" in refusal(find_weights_file, name, board)
