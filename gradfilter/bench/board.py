"""What a board holds for its worker, and what it allows: a job only names things, where they are is the board's."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import List


@dataclass
class Board:
    """Folders of one board, and the Python modules from which a job may name a model.

    cache_dir: starting checkpoints, made by preparations. datasets_dir: one folder per data set.
    weights_dir: files that jobs name as weights. model_modules: none, unless the board's own settings
    list them, since importing a module runs its code.
    """

    cache_dir: Path
    datasets_dir: Path
    weights_dir: Path
    model_modules: List[str] = field(default_factory=list)


def lies_inside(path: Path, folder: Path) -> bool:
    """Whether a path is below a folder once all links are followed; the folder itself may be one."""
    # os.path: Path.resolve raises at a link that leads to itself.
    return Path(os.path.realpath(str(folder))) in Path(os.path.realpath(str(path))).parents
