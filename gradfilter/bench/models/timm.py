"""Every classifier that the installed timm knows, by timm's own names."""

from typing import Any, List, cast

from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models.libraries import import_timm, is_installed
from gradfilter.bench.models.source import ModelSource, PublishedWeights, no_published_weights, unfetched_weights


class TimmModels(ModelSource):
    """timm 1.0, or 0.6 on Python 3.6."""

    def claims(self, name: str) -> bool:
        """Whether timm lists the name."""
        return name in self.names()

    def names(self) -> List[str]:
        """What timm lists; nothing where it is not installed."""
        return list(import_timm().list_models()) if is_installed("timm") else []

    def build(self, name: str, classes: int, board: Board) -> nn.Module:  # noqa: ARG002
        """The classifier with timm's own random initialisation."""
        return cast("nn.Module", import_timm().create_model(name, pretrained=False, num_classes=classes))

    def published_weights(self, name: str, board: Board) -> PublishedWeights:
        """The weights that timm publishes under its default tag, with the classifier of their data set."""
        timm = import_timm()
        if not timm.is_model_pretrained(name):
            raise no_published_weights(name, board)
        _refuse_pickles(name, timm, board)
        try:
            model = timm.create_model(name, pretrained=True)
        except Exception as error:  # timm, its hub client and the client's transport each raise a tree of their own
            raise unfetched_weights(name, board, error) from error
        config: Any = model.pretrained_cfg
        return PublishedWeights(model.state_dict(), "timm %s.%s" % (config["architecture"], config["tag"]))

    def version(self, name: str, board: Board) -> str:  # noqa: ARG002
        """The version of timm."""
        return "timm " + str(import_timm().__version__)


def _refuse_pickles(name: str, timm: Any, board: Board) -> None:
    if int(timm.__version__.split(".")[0]) < 1:
        raise RefusedWorkload(
            "weights",
            "timm %s on this board publishes the weights of model %r as pickle files, which can run code when they are "
            "read. Save them as .npz on a machine that has timm 1.0, put that into %s and name it as 'file:NAME'."
            % (timm.__version__, name, board.weights_dir),
        )
