"""The OpenMP library that the kernels share with torch: two pools of threads would take turns on the same cores."""

import ctypes
import re
from pathlib import Path
from typing import List

import torch

from gradfilter.filtering.native.compiler import Unavailable

_NAMES = re.compile(r"/lib(gomp|iomp5|omp)[-.\w]*\.so[.\d]*$")


def share_openmp() -> str:
    """Make the symbols of torch's OpenMP library visible to what is loaded next; its file's name.

    Raises:
        Unavailable: torch has none in this process, and the system has none either.
    """
    for path in (*_mapped(), "libgomp.so.1"):
        try:
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return Path(path).name
    raise Unavailable("no OpenMP library: neither torch's nor libgomp.so.1 is there")


def _mapped() -> List[str]:
    """The OpenMP libraries of this process, torch's own first: others, such as scikit-learn, may bring theirs."""
    try:
        lines = Path("/proc/self/maps").read_text(errors="replace").splitlines()
    except OSError:
        return []
    paths = [line.split(None, 5)[5] for line in lines if line.count(" ") >= 5 and "/" in line]  # noqa: PLR2004
    libraries = dict.fromkeys(path for path in paths if _NAMES.search(path))
    return sorted(libraries, key=lambda path: not path.startswith(str(Path(torch.__file__).parent)))
