"""What a run ran on: versions, processor, settings that change speed. A fact that cannot be read is left out."""

import os
import platform
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Optional

import torch

from gradfilter.filtering.native import native_facts

# Allocators and thread pools read these; two runs that differ in one are not alike.
_VARIABLES = (
    "LD_PRELOAD",
    "MALLOC_ARENA_MAX",
    "MALLOC_CONF",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "OMP_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_WAIT_POLICY",
    "KMP_AFFINITY",
    "KMP_BLOCKTIME",
    "MKL_NUM_THREADS",
    "GOMP_CPU_AFFINITY",
    "OPENBLAS_CORETYPE",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_ALLOC_CONF",
    "THP_MEM_ALLOC_ENABLE",
)
# x86 says "model name"; ARM kernels say "Hardware" or only the numbers of the core's design.
_CPU_KEYS = ("model name", "Hardware", "CPU part")


def read_environment(root: Path = Path("/")) -> Dict[str, Any]:
    """A flat mapping of facts. root is where /proc and /sys are looked for."""
    readings: Dict[str, Callable[[], Any]] = {
        "python": platform.python_version,
        "torch": lambda: torch.__version__,
        "timm": lambda: loaded_version("timm"),
        "torchvision": lambda: loaded_version("torchvision"),
        "segmentation_models_pytorch": lambda: loaded_version("segmentation_models_pytorch"),
        "numpy": lambda: loaded_version("numpy"),
        "threads": torch.get_num_threads,
        "interop_threads": torch.get_num_interop_threads,
        "torch_config": lambda: " ".join(torch.__config__.show().split()),
        "mkldnn": torch.backends.mkldnn.is_available,
        "openmp": torch.backends.openmp.is_available,
        "accelerator": _accelerator,
        "accelerator_driver": lambda: _line(root / "sys/module/nvidia/version"),
        "machine": platform.machine,
        "allocator": lambda: " ".join(platform.libc_ver()).strip() or None,
        "kernel": platform.release,
        "cpu": lambda: _cpu_model(root),
        "patch_passes": _patch_passes,
        "affinity": lambda: len(os.sched_getaffinity(0)),
        "transparent_hugepage": lambda: _selected(root / "sys/kernel/mm/transparent_hugepage/enabled"),
        "niceness": lambda: os.getpriority(os.PRIO_PROCESS, 0),
        "load_1min": lambda: float(_line(root / "proc/loadavg").split()[0]),
        "swap_used_bytes": lambda: _swap_used(root),
    }
    facts = {name: _attempt(read) for name, read in readings.items()}
    facts.update({"env_" + name: os.environ.get(name) for name in _VARIABLES})
    return {name: value for name, value in facts.items() if value is not None}


def loaded_version(module: str) -> Optional[str]:
    """The version of a library this run really loaded."""
    return getattr(sys.modules.get(module), "__version__", None)


def _attempt(read: Callable[[], Any]) -> Any:
    """The fact, or None where this system does not have it."""
    try:
        return read()
    except (OSError, AttributeError, KeyError, IndexError, ValueError):
        return None


def _patch_passes() -> str:
    """How passes over patches of maps run; read for every variant, so that all of them have it loaded."""
    facts = native_facts()
    if "reason" in facts:
        return "PyTorch's operators: %s" % facts["reason"]
    return "native: %(instruction_set)s, %(compiler)s, %(flags)s" % facts


def _accelerator() -> Optional[str]:
    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _cpu_model(root: Path) -> str:
    lines = (root / "proc/cpuinfo").read_text().splitlines()
    pairs = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
    key = min(pairs.keys() & set(_CPU_KEYS), key=_CPU_KEYS.index)
    return pairs[key]


def _swap_used(root: Path) -> int:
    lines = (root / "proc/meminfo").read_text().splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if ":" in line}
    return (kilobytes["SwapTotal"] - kilobytes["SwapFree"]) * 1024


def _selected(path: Path) -> str:
    """The bracketed word of a sysfs choice such as 'always [madvise] never'."""
    return _line(path).split("[")[1].split("]")[0]


def _line(path: Path) -> str:
    return path.read_text().strip()
