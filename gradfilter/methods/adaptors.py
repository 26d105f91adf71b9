"""Additive attention on a pooled, narrow map beside a frozen block.

    u = average of x over cells        h = relu(narrow(u))        a = wide(depthwise(h)) + channel(mean of h)
    z = f(y + a, each number on its cell of y)

with y the block's sum before its last activation f. A sum asks for no map in its backward pass, so that u, h and
depthwise(h) are all that is kept; a product y · a would keep y and a whole. The last layers start at zero, where the
block is the frozen one, bit for bit. This module's inside is a specification of our own: see da3.py.
"""

from typing import List, NamedTuple, Optional, Sequence, Tuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gradfilter.extended import Extension, extend, unextend
from gradfilter.lean.pooling import average_pool
from gradfilter.methods.cells import Cells
from gradfilter.methods.residual_blocks import ResidualBlock

_FEWEST_CHANNELS = 8


class GateRule(NamedTuple):
    """How an adaptor's gate draws while it is trained: with noise of a logistic distribution, by temperature."""

    temperature: float


class Adaptor(nn.Module):
    """(N, C_in, H, W) → attention (N, C_out, H_u, W_u), one number per channel and cell.

    A cell has pool outputs of the block along each side, and with the block's stride pool · stride inputs.

    learns_through: whether gradients go on to the block's input. gate: None for none; otherwise cells whose score is
    below zero get no attention, and are skipped where nothing is trained. active: the share of open cells in the last
    forward pass, with its gradient.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        reduction: int,
        pool: int,
        stride: int,
        learns_through: bool,
        gate: Optional[GateRule],
    ) -> None:
        super().__init__()
        narrow = max(_FEWEST_CHANNELS, inputs // reduction)
        self.narrow = nn.Conv2d(inputs, narrow, 1)
        self.depthwise = nn.Conv2d(narrow, narrow, 3, padding=1, groups=narrow)
        self.wide = nn.Conv2d(narrow, outputs, 1)
        self.channel = nn.Linear(narrow, outputs)
        self.score = nn.Conv2d(narrow, 1, 1) if gate else None
        self.pool, self.cell = pool, pool * stride
        self.active: Optional[Tensor] = None
        self._learns_through, self._gate = learns_through, gate
        self.start_at_zero()

    def start_at_zero(self) -> None:
        """Draw what is inside anew, and give no attention; a gate begins open everywhere."""
        for layer in (self.narrow, self.depthwise):
            layer.reset_parameters()
        for last in (self.wide, self.channel):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(cast("Tensor", last.bias))
        if self.score is not None:
            nn.init.zeros_(self.score.weight)
            nn.init.ones_(cast("Tensor", self.score.bias))

    def forward(self, x: Tensor) -> Tuple[Tensor, Optional[Tensor]]:
        """The attention, and which cells (N, 1, H_u, W_u) are open, None without a gate."""
        x = x if self._learns_through else x.detach()
        pooling = nn.AvgPool2d(self.cell_of(x), ceil_mode=True, count_include_pad=False)
        narrow = F.relu(self.narrow(average_pool(x, pooling, pooling)))
        spatial = self.depthwise(narrow)
        attention = self.wide(spatial) + self.channel(narrow.mean((2, 3)))[:, :, None, None]
        if self.score is None:
            return attention, None
        opened = self._open(self.score(spatial))
        self.active = opened.mean()
        return attention * opened, opened

    def cell_of(self, x: Tensor) -> Tuple[int, int]:
        """Height and width of a cell in x: at most the whole map."""
        return min(self.cell, x.shape[2]), min(self.cell, x.shape[3])

    def _open(self, score: Tensor) -> Tensor:
        if not self.training or self._gate is None:
            return (score > 0).to(score.dtype)
        noise = torch.empty_like(score).uniform_(1e-6, 1 - 1e-6)
        soft = torch.sigmoid((score + torch.log(noise) - torch.log1p(-noise)) / self._gate.temperature)
        return (soft > 0.5).to(soft.dtype) - soft.detach() + soft  # noqa: PLR2004 - more likely open than not


class Adapted(Extension):
    """A frozen block with an adaptor. handed_on: attention and pool, on their way to the last activation."""

    adaptor: Adaptor
    adapted: ResidualBlock
    handed_on: List[Tuple[Tensor, int]]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) → (N, C_out, H_out, W_out)."""
        attention, opened = self.adaptor(x)
        if opened is None or torch.is_grad_enabled() or bool(opened.all()):
            return self._run_attended(x, attention)
        return self._run_open_cells(x, attention, opened)

    def _run_attended(self, x: Tensor, attention: Tensor) -> Tensor:
        if not self.adapted.activation:
            return added(super().forward(x), attention, self.adaptor.pool)
        self.handed_on.append((attention, self.adaptor.pool))
        try:
            return cast("Tensor", super().forward(x))
        finally:
            self.handed_on.clear()

    def _run_open_cells(self, x: Tensor, attention: Tensor, opened: Tensor) -> Tensor:
        """The block on the cells that are open, each by itself; everywhere else what it is without its branch."""
        past = self._without_branch(x)
        chosen = opened.flatten().nonzero().flatten()
        if len(chosen) == 0:
            return past
        counts = opened.shape[2:]
        sources = Cells(x, counts, self.adaptor.cell_of(x))
        targets = Cells(past, counts, output_cell(past, counts, self.adaptor.pool))
        per_cell = attention.permute(0, 2, 3, 1).reshape(-1, attention.shape[1], 1, 1)
        rows = self._run_attended(sources.rows.index_select(0, chosen), per_cell.index_select(0, chosen))
        return targets.joined(targets.rows.index_copy(0, chosen, rows))

    def _without_branch(self, x: Tensor) -> Tensor:
        """The shortcut, through the last activation where that is a module of its own."""
        past = self.adapted._replace(module=self).past(x)
        if not self.adapted.activation:
            return past
        activation = self.get_submodule(self.adapted.activation)
        return cast("Tensor", activation(past.clone()))  # it may work in place, and past may be x itself


class Attended(Extension):
    """The last activation of an adapted block, before which the attention is added."""

    handed_on: List[Tuple[Tensor, int]]

    def forward(self, y: Tensor) -> Tensor:
        """The activated sum; without an attention handed on, the activation alone."""
        return cast("Tensor", super().forward(added(y, *self.handed_on[-1]) if self.handed_on else y))


def output_cell(y: Tensor, counts: Sequence[int], pool: int) -> List[int]:
    """Height and width of a cell in a block's output: pool, or what it takes for counts (rows, columns) to cover it."""
    return [max(min(pool, size), -(-size // count)) for size, count in zip(y.shape[2:], counts)]


def added(y: Tensor, attention: Tensor, pool: int) -> Tensor:
    """The sum of a map and an attention, each of its numbers spread to its cell."""
    images, channels, rows, columns = attention.shape
    height, width = output_cell(y, (rows, columns), pool)
    # Copied cell by cell, as interpolation finds a pixel's cell by a rounded quotient.
    spread = attention[:, :, :, None, :, None].expand(-1, -1, -1, height, -1, width)
    spread = spread.reshape(images, channels, rows * height, columns * width)
    return y + spread[:, :, : y.shape[2], : y.shape[3]]


def adapt(block: ResidualBlock, adaptor: Adaptor) -> None:
    """Put an adaptor beside a block, as a part of it."""
    handed_on: List[Tuple[Tensor, int]] = []
    module = cast("Adapted", block.module)
    extend(block.module, Adapted)
    module.add_module("adaptor", adaptor.train(module.training))
    # Without the module itself, which would become a part of its own.
    module.adapted, module.handed_on = block._replace(module=nn.Identity()), handed_on
    if block.activation:
        activation = cast("Attended", module.get_submodule(block.activation))
        extend(activation, Attended)
        activation.handed_on = handed_on


def leave_alone(model: nn.Module) -> None:
    """Undo adapt in every part of a model."""
    for module in list(model.modules()):
        if isinstance(module, Adapted):
            del module.adaptor, module.adapted
        if isinstance(module, (Adapted, Attended)):
            del module.handed_on
            unextend(module, Adapted)
            unextend(module, Attended)


def adaptors(model: nn.Module) -> List[Adaptor]:
    """Every adaptor of a model, in registration order."""
    return [module for module in model.modules() if isinstance(module, Adaptor)]
