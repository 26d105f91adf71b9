"""Models of the board's own: 'import:package.module:factory', from modules that its settings list.

factory(classes) returns the network. Its attribute task says what the network is for; without one it
is a classifier. A network whose head is to be told apart answers get_classifier(), as timm's do.
"""

import importlib
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path
from typing import Any, Dict, List, cast

from torch import nn
from torch.nn.parameter import UninitializedParameter

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload, in_words, is_out_of_memory
from gradfilter.bench.file_hash import combined_hash, file_hash
from gradfilter.bench.models.source import ModelSource
from gradfilter.bench.schema.import_path import ImportPath, read_import_path

_TASKS = ("classification", "segmentation")
_SHOWN = len("sha256:") + 16
_CODE = tuple(SOURCE_SUFFIXES + EXTENSION_SUFFIXES)


class ImportedModels(ModelSource):
    """What the board's own Python modules offer."""

    def claims(self, name: str) -> bool:
        """Whether it is an import path."""
        return read_import_path(name) is not None

    def names(self) -> List[str]:
        """None: a module is not imported to be listed. The board tells its modules instead."""
        return []

    def task(self, name: str, board: Board) -> str:
        """What the factory says."""
        task = getattr(_factory(name, board), "task", "classification")
        if task not in _TASKS:
            raise RefusedWorkload(
                "model", "the factory of model %r has task %r; it must be one of %s." % (name, task, ", ".join(_TASKS))
            )
        return cast("str", task)

    def build(self, name: str, classes: int, board: Board) -> nn.Module:
        """What the factory returns."""
        factory = _factory(name, board)
        try:
            model = factory(classes)
        except (Exception, SystemExit) as error:  # whatever the board's own code raises
            what = "the factory of model %r failed with %d classes" % (name, classes)
            raise _refusal(what, error) from error
        if not isinstance(model, nn.Module):
            raise RefusedWorkload(
                "model", "the factory of model %r must return a torch.nn.Module, got %r." % (name, type(model).__name__)
            )
        if not _has_weights(model):
            raise RefusedWorkload(
                "model",
                "the factory of model %r must return a network whose parameters exist; it has none, or lazy ones that "
                "wait for a first batch." % name,
            )
        return model

    def version(self, name: str, board: Board) -> str:
        """The module's own version, if it has one, and the hash of its code, by which a change is noticed.

        Of a package that is all its code, subpackages included, whichever module is named. What it imports from
        elsewhere and the data files that it reads are not covered.
        """
        module = _module(name, board)
        version = str(getattr(module, "__version__", ""))
        hashes = _code_hashes(importlib.import_module(module.__name__.partition(".")[0]))
        content = combined_hash(hashes)[:_SHOWN] if hashes else ""
        return " ".join(filter(None, [module.__name__, version, content]))


def _code_hashes(module: Any) -> Dict[str, str]:
    """The hash of every file of a module or package that Python can import; {} where it lies in none."""
    if not hasattr(module, "__path__"):
        file = getattr(module, "__file__", None)
        return {Path(file).name: file_hash(Path(file))} if file else {}
    folders = [Path(folder) for folder in module.__path__]
    return {
        path.relative_to(folder).as_posix(): file_hash(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.name.endswith(_CODE) and path.is_file()
    }


def _has_weights(model: nn.Module) -> bool:
    parameters = list(model.parameters())
    return bool(parameters) and not any(isinstance(one, UninitializedParameter) for one in parameters)


def _factory(name: str, board: Board) -> Any:
    path = _allowed(name, board)
    factory = getattr(_module(name, board), path.factory, None)
    if not callable(factory):
        raise RefusedWorkload(
            "model", "module %r has no function %r to make model %r with." % (path.module, path.factory, name)
        )
    return factory


def _module(name: str, board: Board) -> Any:
    path = _allowed(name, board)
    try:
        return importlib.import_module(path.module)
    except (Exception, SystemExit) as error:  # whatever the board's own code raises
        raise _refusal("the module of model %r cannot be imported by the worker's Python" % name, error) from error


def _allowed(name: str, board: Board) -> ImportPath:
    path = cast("ImportPath", read_import_path(name))
    if not path.is_within(board.model_modules):
        allowed = "only %s" % ", ".join(board.model_modules) if board.model_modules else "none"
        raise RefusedWorkload(
            "model",
            "model %r is in a Python module from which this board takes no models; it allows %s. Its operator can add "
            "%r to GRADFILTER_AGENT_MODEL_MODULES." % (name, allowed, path.module),
        )
    return path


def _refusal(what: str, error: BaseException) -> RefusedWorkload:
    if is_out_of_memory(error):
        raise error
    return RefusedWorkload("model", "%s (%s). Correct it there." % (what, in_words(error)))
