"""Makes torchvision importable where its compiled library does not load.

The public torchvision wheel for x86 is linked against CUDA. Beside a CPU-only torch its library
does not load, yet its Python code registers fake kernels for two operators of that library, which
fails when they do not exist. No classification model calls them; declaring them is enough. Boards,
whose torchvision was built for their torch, load the library and are left alone.
"""

import importlib.util
from pathlib import Path
from typing import Any, List, Optional

import torch

_DECLARATIONS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
# A declaration lives as long as its Library object.
_declared: List[Any] = []


def declare_missing_operators() -> None:
    """Declare torchvision's operators unless its own library brings them. Calling twice is harmless."""
    # Before torch.library existed, torchvision registered no fake kernels and needed no help.
    if _declared or getattr(torch, "library", None) is None or _load_own_library():
        return
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for declaration in _DECLARATIONS:
        library.define(declaration)  # type: ignore[no-untyped-call]
    _declared.append(library)


def _load_own_library() -> bool:
    """Whether torchvision's compiled library is absent from the question: loaded, or torchvision not installed."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    path = _library_path(Path(spec.origin).parent)
    if path is None:
        return False
    try:
        torch.ops.load_library(str(path))  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True


def _library_path(package: Path) -> Optional[Path]:
    return next(iter(sorted(package.glob("_C*.so"))), None)
