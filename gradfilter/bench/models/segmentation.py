"""Segmentation models, named ARCHITECTURE_ENCODER: those of gradient filtering's paper and their neighbours.

All but fcn are segmentation-models-pytorch's; fcn joins one of its encoders to torchvision's head.
Every model gives logits of the image's own size.
"""

import importlib
import sys
from typing import Any, Dict, List, Optional, cast

from torch import nn

from gradfilter.bench.board import Board
from gradfilter.bench.errors import RefusedWorkload
from gradfilter.bench.models.fcn import OUTPUT_STRIDE, Fcn
from gradfilter.bench.models.libraries import import_segmentation_models, is_installed
from gradfilter.bench.models.source import ModelSource, PublishedWeights, unfetched_weights

_ARCHITECTURES = ("deeplabv3", "deeplabv3plus", "pspnet", "upernet", "fpn", "unet", "fcn")
_ENCODERS = ("resnet18", "mobilenet_v2")
_NAMES = tuple("%s_%s" % (architecture, encoder) for architecture in _ARCHITECTURES for encoder in _ENCODERS)
_OLDEST_PYTHON = (3, 10)


class SegmentationModels(ModelSource):
    """Seven architectures on two encoders."""

    def claims(self, name: str) -> bool:
        """Whether it is one of these, installed or not."""
        return name in _NAMES

    def names(self) -> List[str]:
        """All of them where the library is installed."""
        return [] if _missing() else list(_NAMES)

    def absent(self) -> Dict[str, str]:
        """All of them where it is not, or cannot be."""
        missing = _missing()
        return dict.fromkeys(_NAMES, missing) if missing else {}

    def task(self, name: str, board: Board) -> str:  # noqa: ARG002
        """One label per pixel."""
        return "segmentation"

    def build(self, name: str, classes: int, board: Board) -> nn.Module:  # noqa: ARG002
        """The network with its library's own random initialisation."""
        return _build(name, classes, encoder_weights=None)

    def published_weights(self, name: str, board: Board) -> PublishedWeights:
        """The encoder's ImageNet weights; nothing is published for the rest."""
        try:
            model: Any = _build(name, 1, encoder_weights="imagenet")
        except RefusedWorkload:
            raise
        except Exception as error:  # the library, its hub client and the client's transport raise trees of their own
            raise unfetched_weights(name, board, error) from error
        state = {"encoder." + key: value for key, value in model.encoder.state_dict().items()}
        origin = "%s, encoder %s, imagenet" % (self.version(name, board), _encoder(name))
        return PublishedWeights(state, origin, covers="encoder")

    def version(self, name: str, board: Board) -> str:  # noqa: ARG002
        """The library's version and that of timm, from which it takes parts."""
        smp = import_segmentation_models()
        return "segmentation_models_pytorch %s, timm %s" % (smp.__version__, sys.modules["timm"].__version__)


def _build(name: str, classes: int, encoder_weights: Optional[str]) -> nn.Module:
    missing = _missing()
    if missing:
        raise RefusedWorkload("model", "model %r is not on this board: %s" % (name, missing))
    smp = import_segmentation_models()
    architecture, encoder = name.split("_", 1)
    if architecture == "fcn":
        return _build_fcn(smp, encoder, classes, encoder_weights)
    model = smp.create_model(architecture, encoder_name=encoder, encoder_weights=encoder_weights, classes=classes)
    return cast("nn.Module", model)


def _build_fcn(smp: Any, encoder_name: str, classes: int, encoder_weights: Optional[str]) -> nn.Module:
    encoder = smp.encoders.get_encoder(encoder_name, weights=encoder_weights, output_stride=OUTPUT_STRIDE)
    torchvision_fcn: Any = importlib.import_module("torchvision.models.segmentation.fcn")
    return Fcn(encoder, torchvision_fcn.FCNHead(encoder.out_channels[-1], classes))


def _encoder(name: str) -> str:
    return name.split("_", 1)[1]


def _missing() -> str:
    """Why these models are not on this board; '' when they are."""
    if sys.version_info < _OLDEST_PYTHON:
        return (
            "it needs segmentation-models-pytorch, which needs Python 3.10 or newer; this worker's is %d.%d. "
            "Point GRADFILTER_AGENT_WORKER_PYTHON at a newer one." % sys.version_info[:2]
        )
    if not is_installed("segmentation_models_pytorch"):
        return (
            "it needs segmentation-models-pytorch, which the worker's Python does not have. "
            "Run pip install segmentation-models-pytorch with it and restart the agent."
        )
    return ""
