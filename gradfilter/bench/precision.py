"""In which number type a network computes: float32, or bfloat16 as torch's autocast has it."""

from typing import cast

import torch
from torch import Tensor, nn

from gradfilter.bench.errors import RefusedWorkload, first_line, is_out_of_memory

_IN_TORCHS_WORDS = "BFloat16"  # as it names the type where an operator lacks it


class Precision:
    """The number type of forward and backward passes on a device.

    "bfloat16": autocast chooses operator by operator; weights, their gradients and the optimizer stay float32.
    What casts of weights the backward pass needs counts as saved for it.

    Raises:
        RefusedWorkload: this torch does not train in that type on this device.
    """

    def __init__(self, dtype: str, device: torch.device) -> None:
        self._dtype = dtype
        self._device = device
        if dtype != "float32":
            self._try_a_step()

    def outputs(self, model: nn.Module, images: Tensor) -> Tensor:
        """What a network gives for images, as float32: losses and scores are computed in that.

        Raises:
            RefusedWorkload: this torch has not all of the network's operators in that type.
        """
        if self._dtype == "float32":
            return cast("Tensor", model(images))
        try:
            return self._autocast(model, images).float()
        except RuntimeError as error:
            if _IN_TORCHS_WORDS not in str(error):
                raise
            raise self._refusal(first_line(error)) from error

    def _autocast(self, model: nn.Module, images: Tensor) -> Tensor:
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            return cast("Tensor", model(images))

    def _try_a_step(self) -> None:
        """Train a convolution for one step, since a torch may leave autocast out with a mere warning."""
        model = nn.Conv2d(3, 4, 3).to(self._device)
        try:
            outputs = self._autocast(model, torch.zeros(1, 3, 8, 8, device=self._device))
            outputs.float().sum().backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise self._refusal(first_line(error)) from error
        if outputs.dtype != torch.bfloat16:
            raise self._refusal("its autocast leaves convolutions in float32")

    def _refusal(self, why: str) -> RefusedWorkload:
        return RefusedWorkload(
            "dtype",
            "dtype %r cannot be trained in by torch %s on this board's %s (%s). Choose 'float32'."
            % (self._dtype, torch.__version__, self._device.type, why),
        )
