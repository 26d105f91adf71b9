"""A few steps under torch.profiler, written as files that people's tools open."""

import csv
import gzip
import json

import torch

from gradfilter.bench.profiling import STEPS, profile_steps, write_profile


def read_csv(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_profile_is_a_trace_a_table_and_a_timeline(tmp_path):
    """The trace opens as JSON, the table counts the operators of all steps, memory is told in order of time."""
    model, images = torch.nn.Conv2d(3, 4, 3), torch.zeros(2, 3, 8, 8)
    profiler = profile_steps(lambda: model(images).sum().backward(), {}, torch.device("cpu"))
    write_profile(profiler, tmp_path / "files")
    trace = json.loads(gzip.decompress((tmp_path / "files" / "trace.json.gz").read_bytes()).decode("utf-8"))
    assert any("conv" in str(event.get("name")) for event in trace["traceEvents"])
    calls = {line["operator"]: int(line["calls"]) for line in read_csv(tmp_path / "files" / "operators.csv")}
    assert STEPS == calls["aten::sum"]
    times = [float(line["time_us"]) for line in read_csv(tmp_path / "files" / "memory.csv")]
    assert sorted(times) == times != []
    assert ["memory.csv", "operators.csv", "trace.json.gz"] == sorted(p.name for p in (tmp_path / "files").iterdir())
