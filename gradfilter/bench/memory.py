"""How large the process became, and what its tensors took on an accelerator."""

from pathlib import Path
from typing import Optional

import torch

_RESET_PEAK_RSS = "5"  # Documentation/filesystems/proc.rst, /proc/PID/clear_refs


def reset_peak_rss() -> bool:
    """Let the process's high-water mark start again at its present size; whether the kernel allows it."""
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK_RSS)
    except OSError:
        return False
    return True


def read_peak_rss() -> Optional[int]:
    """VmHWM of this process in bytes, or None where the kernel does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


class PeakMemory:
    """High-water marks of process and accelerator over a stretch of work: from construction to read()."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._was_reset = reset_peak_rss()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self.rss_bytes: Optional[int] = None
        self.device_bytes: Optional[int] = None

    def read(self) -> None:
        """Keep the marks: resident set, None where it could not be reset; torch's allocations on an accelerator."""
        if self._was_reset:
            self.rss_bytes = read_peak_rss()
        if self._device.type == "cuda":
            self.device_bytes = int(torch.cuda.max_memory_allocated(self._device))
