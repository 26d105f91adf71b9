"""The native kernels as this process has them: loaded at first use, or the reason why not."""

import ctypes
import os
import threading
from functools import lru_cache
from operator import attrgetter
from typing import Any, Callable, Dict, NamedTuple, Optional

import torch
from torch import Tensor

from gradfilter.filtering.native.build import built_library
from gradfilter.filtering.native.compiler import Unavailable
from gradfilter.filtering.native.openmp import share_openmp

# The arguments of each kernel: p a pointer, i an integer, d a double.
_SIGNATURES = {
    "averages": "pp iii ip ip d i",
    "spread": "pp iii ip ip i",
    "statistics": "ppppp dd iiii p i",
    "activate": "pppppp id iii ip ip d i",
    "mask": "ppd pd ppp iii ip ip d i",
    "max_pool": "pp dd ppp iii p i",
    "unpool_averages": "ppp iii ppp ii d i",
    "unnormalise": "pppppppp iiii dd p i",
    "products": "ppp iiii d p i",
}
_TYPES = {"p": ctypes.c_void_p, "i": ctypes.c_int64, "d": ctypes.c_double}
SUFFIXES = {torch.float32: "float32", torch.float64: "float64"}


class Library(NamedTuple):
    """The loaded kernels, or None; and facts about them."""

    kernels: Optional[ctypes.CDLL]
    facts: Dict[str, str]


def native_facts() -> Dict[str, str]:
    """Whether passes over maps run natively or in PyTorch's operators, and how or why; for a run's record.

    Keys: passes ("native" or "aten"); reason where it is "aten"; else compiler, flags, instruction_set and openmp.
    """
    return dict(_library().facts)


def kernel(name: str, first: Tensor, *others: Optional[Tensor]) -> Optional[Any]:
    """The kernel of this name for dense maps of one type, or None where they need PyTorch's operators.

    These are needed where a map has no memory that a kernel may read, or somebody has to see what is done with it.
    """
    if not first.numel():
        return None
    dtype, recording = first.dtype, torch.is_grad_enabled()
    for tensor in (first, *others):
        if tensor is not None and (
            tensor.dtype is not dtype
            or type(tensor) not in _PLAIN
            or not _on_processor(tensor)
            or tensor.layout is not _STRIDED
            or (recording and tensor.requires_grad)
        ):
            return None
    return find_function(name, dtype)


_PLAIN = (Tensor, torch.nn.Parameter)
_STRIDED = torch.strided
# To ask for a device costs several times more, and old torch has nothing else.
_on_processor: Callable[[Tensor], bool] = (
    attrgetter("is_cpu") if hasattr(Tensor, "is_cpu") else lambda tensor: tensor.device.type == "cpu"
)


@lru_cache(maxsize=None)
def find_function(name: str, dtype: torch.dtype) -> Optional[Any]:
    """The kernel of this name for a type, or None where there is none."""
    kernels = _library().kernels
    if kernels is None or dtype not in SUFFIXES:
        return None
    return getattr(kernels, "gradfilter_%s_%s" % (name, SUFFIXES[dtype]))


_LOADING = threading.Lock()


def _library() -> Library:
    with _LOADING:
        return _loaded()


@lru_cache(maxsize=None)
def _loaded() -> Library:
    try:
        return _load()
    except Unavailable as error:
        return Library(None, {"passes": "aten", "reason": str(error)})


def _load() -> Library:
    setting = os.environ.get("GRADFILTER_NATIVE", "on")
    if setting not in ("on", "off"):
        raise Unavailable("GRADFILTER_NATIVE is %r, and must be on or off" % setting)
    if setting == "off":
        raise Unavailable("GRADFILTER_NATIVE is off")
    build = built_library()
    openmp = share_openmp()
    try:
        kernels = ctypes.CDLL(str(build.path))
    except OSError as error:
        raise Unavailable("the build cannot be loaded: %s" % error) from error
    for name, signature in _SIGNATURES.items():
        for suffix in SUFFIXES.values():
            function = getattr(kernels, "gradfilter_%s_%s" % (name, suffix))
            function.restype, function.argtypes = None, [_TYPES[code] for code in signature.replace(" ", "")]
    instruction_set = kernels.gradfilter_instruction_set_float32
    instruction_set.restype = ctypes.c_char_p
    facts = {
        "passes": "native",
        "compiler": build.compiler.version,
        "flags": " ".join(build.flags),
        "instruction_set": instruction_set().decode(),
        "openmp": openmp,
    }
    return Library(kernels, facts)
