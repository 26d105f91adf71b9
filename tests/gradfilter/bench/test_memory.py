"""How large the process became."""

import torch

from gradfilter.bench.memory import PeakMemory


def test_peak_covers_the_stretch():
    """An allocation between start and read is in the peak, where the kernel lets the peak be reset."""
    memory = PeakMemory(torch.device("cpu"))
    held = torch.ones(32 * 2**20)
    memory.read()
    assert memory.rss_bytes is None or memory.rss_bytes > held.numel() * held.element_size()
    assert None is memory.device_bytes
