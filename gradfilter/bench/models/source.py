"""ModelSource: where models of one kind come from. Each kind has a file of its own and a line in SOURCES."""

from typing import Dict, List

from torch import Tensor, nn

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload, in_words


class PublishedWeights:
    """Weights that a library publishes for a model, as its state dict.

    origin: what they are, in the library's words. covers: the module that they are all of; '' is the
    whole model.
    """

    def __init__(self, state: Dict[str, Tensor], origin: str, covers: str = "") -> None:
        self.state = state
        self.origin = origin
        self.covers = covers


class ModelSource:
    """Names of models to networks. By default the models are classifiers, and nobody publishes weights for them."""

    def claims(self, name: str) -> bool:
        """Whether a name is this source's to build, or to refuse with a reason of its own."""
        raise NotImplementedError

    def names(self) -> List[str]:
        """Every name that can be built on this board. Imports no heavier library than it must."""
        raise NotImplementedError

    def absent(self) -> Dict[str, str]:
        """Names that cannot be built here, each with the reason and what to do."""
        return {}

    def task(self, name: str, board: Board) -> str:  # noqa: ARG002 (for sources whose models differ)
        """What the model is for: 'classification' or 'segmentation'."""
        return "classification"

    def build(self, name: str, classes: int, board: Board) -> nn.Module:
        """A network with random weights from torch's generator.

        Raises:
            RefusedWorkload: it cannot be built here.
        """
        raise NotImplementedError

    def published_weights(self, name: str, board: Board) -> PublishedWeights:
        """The weights that the model's library publishes for it.

        Raises:
            RefusedWorkload: there are none, or they cannot be fetched.
        """
        raise no_published_weights(name, board)

    def version(self, name: str, board: Board) -> str:
        """The library that a model comes from and its version; '' for our own."""
        raise NotImplementedError


def no_published_weights(name: str, board: Board) -> RefusedWorkload:
    """The refusal of 'pretrained' where nobody publishes weights."""
    return RefusedWorkload(
        "weights",
        "nobody publishes weights for model %r. Set weights to 'random', or put a file of weights into %s and name it "
        "as 'file:NAME'." % (name, board.weights_dir),
    )


def unfetched_weights(name: str, board: Board, error: BaseException) -> RefusedWorkload:
    """The refusal of 'pretrained' where the weights did not come."""
    return RefusedWorkload(
        "weights",
        "the published weights of model %r could not be fetched (%s). Connect this board to the network for one "
        "preparation, or put a file of weights into %s and name it as 'file:NAME'."
        % (name, in_words(error), board.weights_dir),
    )
