"""Where a workload computes, and in which form: threads, device, memory format."""

from typing import Any, Union, cast

import torch
from torch import Tensor, nn

from gradfilter.bench.marks import choose_device, make_mark
from gradfilter.bench.schema import ConvLayerWorkload, TrainingWorkload

_MEMORY_FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


class Placement:
    """A workload's device, with its threads set; networks and images are brought there in its memory format.

    Raises:
        RefusedWorkload: the board's torch has no such device.
    """

    def __init__(self, workload: Union[ConvLayerWorkload, TrainingWorkload]) -> None:
        if workload.threads is not None:
            torch.set_num_threads(workload.threads)
        self.device = choose_device(workload.compute)
        self.mark = make_mark(self.device)
        self._memory_format = _MEMORY_FORMATS[workload.memory_format]

    def model(self, model: nn.Module) -> nn.Module:
        """A network, its parameters moved in place."""
        # torch's stub of Module.to leaves its memory_format out.
        return cast("nn.Module", cast("Any", model).to(device=self.device, memory_format=self._memory_format))

    def images(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W), copied where they are not there and so already."""
        return images.to(self.device).contiguous(memory_format=self._memory_format)
