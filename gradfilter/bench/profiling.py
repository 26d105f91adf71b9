"""A few training steps under torch.profiler, and its files: for people who ask where the time goes, never measured.

trace.json.gz   for Perfetto (ui.perfetto.dev) or chrome://tracing
operators.csv   one line an operator: calls, time by itself and with what it calls, memory it took by itself
memory.csv      bytes allocated over time, where this torch's profiler tells
"""

import csv
import gzip
import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping

import torch
from torch import nn

from gradfilter.bench.layer_times import LAYER, STEP, device_time_us, naming_layers

FILES = "files"  # the folder in the run's own that the agent serves
STEPS = 3
_MEMORY_EVENT = "[memory]"
_TIMES = ("self_cpu_time_total", "cpu_time_total")
_COLUMNS = ("operator", "calls", "self_cpu_us", "cpu_us", "self_device_us", "self_cpu_memory_bytes")


def profile_steps(step: Callable[[], Any], layers: Mapping[str, nn.Module], device: torch.device) -> Any:
    """The torch.profiler that saw STEPS calls of step, which has run before; device: where the step computes."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with naming_layers(layers), torch.profiler.profile(activities=activities, profile_memory=True) as profiler:
        for _ in range(STEPS):
            with torch.profiler.record_function(STEP):
                step()
    return profiler


def write_profile(profiler: Any, folder: Path) -> None:
    """Write what the profiler saw as files into a new folder."""
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
    """One line an operator, what takes longest by itself first; names that we gave are none."""
    operators = [one for one in averages if one.key != STEP and not one.key.startswith(LAYER)]
    found = sorted(operators, key=lambda one: -float(one.self_cpu_time_total))
    return [
        [one.key, one.count]
        + [round(float(getattr(one, name)), 1) for name in _TIMES]
        + [round(device_time_us(one), 1), one.self_cpu_memory_usage]
        for one in found
    ]


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
