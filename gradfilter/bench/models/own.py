"""Our own small network, for tests and for a board's first smoke run."""

from typing import List

from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.models.source import ModelSource
from gradfilter.bench.tiny_cnn import TinyCnn

_TINY = "tiny_cnn"


class OwnModels(ModelSource):
    """tiny_cnn; needs no library."""

    def claims(self, name: str) -> bool:
        """Whether it is our own."""
        return name == _TINY

    def names(self) -> List[str]:
        """The one name."""
        return [_TINY]

    def build(self, name: str, classes: int, board: Board) -> nn.Module:  # noqa: ARG002
        """The network with random weights."""
        return TinyCnn(classes)

    def version(self, name: str, board: Board) -> str:  # noqa: ARG002
        """Ours has the project's own version."""
        return ""
