"""A few training steps under torch.profiler, written as files: for people who ask where the time goes, never measured.

trace.json.gz   for Perfetto (ui.perfetto.dev) or chrome://tracing
operators.csv   one line an operator: calls, time by itself and with what it calls, memory it took by itself
memory.csv      bytes allocated over time, where this torch's profiler tells
"""

import csv
import gzip
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import torch

FILES = "files"  # the folder in the run's own that the agent serves
STEPS = 3
_MEMORY_EVENT = "[memory]"
_TIMES = ("self_cpu_time_total", "cpu_time_total")
_DEVICE_TIMES = ("self_device_time_total", "self_cuda_time_total")  # by the name of the torch release
_COLUMNS = ("operator", "calls", "self_cpu_us", "cpu_us", "self_device_us", "self_cpu_memory_bytes")


def profile_steps(step: Callable[[], Any], folder: Path) -> None:
    """Profile STEPS calls of step, which has run before, and write the files into a new folder."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities, profile_memory=True) as profiler:
        for _ in range(STEPS):
            step()
    folder.mkdir()
    trace = folder / "trace.json"
    profiler.export_chrome_trace(str(trace))
    text = trace.read_bytes()
    trace.unlink()
    (folder / "trace.json.gz").write_bytes(gzip.compress(text))
    _write(folder / "operators.csv", _COLUMNS, _operators(profiler.key_averages()))
    memory = list(_memory(json.loads(text.decode("utf-8", "replace"))))
    if memory:
        _write(folder / "memory.csv", ("time_us", "device", "allocated_bytes"), memory)


def _operators(averages: Any) -> List[List[Any]]:
    """One line an operator, what takes longest by itself first."""
    found = sorted(averages, key=lambda one: -float(one.self_cpu_time_total))
    return [
        [one.key, one.count]
        + [round(float(getattr(one, name)), 1) for name in _TIMES]
        + [round(_device_time(one), 1), one.self_cpu_memory_usage]
        for one in found
    ]


def _device_time(one: Any) -> float:
    return next((float(getattr(one, name)) for name in _DEVICE_TIMES if hasattr(one, name)), 0.0)


def _memory(trace: Dict[str, Any]) -> Iterator[List[Any]]:
    """The trace's memory events in order of time; none where this torch writes no totals."""
    events = [one for one in trace.get("traceEvents", []) if one.get("name") == _MEMORY_EVENT]
    for one in sorted(events, key=lambda one: float(one["ts"])):
        told = one.get("args", {})
        if "Total Allocated" in told:
            yield [one["ts"], told.get("Device Id", -1), told["Total Allocated"]]


def _write(path: Path, columns: Any, lines: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)
