"""A map cut into cells that are run like images of a batch, and put together again."""

from typing import Sequence

import torch.nn.functional as F
from torch import Tensor


class Cells:
    """A map (N, C, H, W) in a grid of counts (rows, columns) of cells (h, w): rows (N · rows · columns, C, h, w).

    A map that is smaller than its grid is padded with zeros at its end, which joined takes away again.
    """

    def __init__(self, maps: Tensor, counts: Sequence[int], cell: Sequence[int]) -> None:
        self._size = maps.shape[2:]
        self._rows, self._columns = counts
        height, width = cell
        padded = F.pad(maps, (0, width * self._columns - self._size[1], 0, height * self._rows - self._size[0]))
        grid = padded.view(*maps.shape[:2], self._rows, height, self._columns, width)
        self.rows = grid.permute(0, 2, 4, 1, 3, 5).reshape(-1, maps.shape[1], height, width)

    def joined(self, rows: Tensor) -> Tensor:
        """The map of which these are the cells."""
        _, channels, height, width = rows.shape
        grid = rows.view(-1, self._rows, self._columns, channels, height, width).permute(0, 3, 1, 4, 2, 5)
        padded = grid.reshape(-1, channels, self._rows * height, self._columns * width)
        return padded[:, :, : self._size[0], : self._size[1]]
