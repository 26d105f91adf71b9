"""What the worker says it can do, and what it ran on."""

import json
import subprocess
import sys
from pathlib import Path

from gradfilter.bench.board import Board
from gradfilter.bench.decoding import decode
from gradfilter.bench.description import describe_worker
from gradfilter.bench.environment import read_environment
from gradfilter.bench.schema import SCHEMA_VERSION, WorkerDescription

ROOT = Path(__file__).resolve().parents[3]


def test_describe_prints_one_valid_description():
    """
    `describe` prints one line of JSON that fits the schema and names what jobs can ask for.
    """
    command = [sys.executable, "-m", "gradfilter.bench.worker", "describe", "--model-module", "zoo"]
    output = subprocess.check_output(command, cwd=str(ROOT), env={"PYTHONPATH": str(ROOT)}).decode("utf-8")
    description = decode(WorkerDescription, json.loads(output))
    assert SCHEMA_VERSION == description.schema_version
    assert {"resnet18", "mobilenetv2_100", "tiny_cnn"} <= set(description.models)
    assert ["digits", "synthetic", "shapes"] == description.datasets
    assert ["training", "conv_layer", "systolic"] == description.workloads
    assert "cpu" in description.compute
    assert [("cpu", True)] == [(check.compute, check.correct) for check in description.convolutions[:1]]
    assert {"torch", "timm"} <= set(description.versions)
    (method,) = [method for method in description.methods if method.name == "gradient_filter"]
    assert {"patch_size", "last", "layers"} <= {option.name for option in method.options}


def test_what_is_not_here_is_described_with_its_reason(tmp_path):
    """
    A segmentation model is either offered, with its library's version, or absent for a reason; never neither.
    """
    description = describe_worker([], Board(tmp_path, tmp_path, tmp_path))
    offered = "unet_resnet18" in description.models
    assert offered is ("segmentation_models_pytorch" in description.versions)
    assert offered is ("unet_resnet18" not in description.absent)
    assert set() == set(description.absent) & {*description.models, *description.datasets}


def test_environment_reads_the_boards_files(tmp_path):
    """
    Huge pages, processor, driver, load and swap come from /proc and /sys under the root.
    """
    files = {
        "proc/cpuinfo": "processor\t: 0\nmodel name\t: ARMv8 Processor rev 1 (v8l)\n",
        "proc/loadavg": "0.50 0.20 0.10 1/90 77\n",
        "proc/meminfo": "MemTotal: 4000 kB\nSwapTotal: 2000 kB\nSwapFree: 1500 kB\n",
        "sys/module/nvidia/version": "535.183.01\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    facts = read_environment(tmp_path)
    assert "ARMv8 Processor rev 1 (v8l)" == facts["cpu"]
    assert "535.183.01" == facts["accelerator_driver"]
    assert "madvise" == facts["transparent_hugepage"]
    assert (0.5, 500 * 1024) == (facts["load_1min"], facts["swap_used_bytes"])


def test_fact_that_cannot_be_read_is_left_out(tmp_path):
    """
    Where a board has no such file, the fact is absent instead of invented.
    """
    facts = read_environment(tmp_path)
    assert set() == {"cpu", "accelerator_driver", "transparent_hugepage", "load_1min", "swap_used_bytes"} & set(facts)
    assert {"python", "torch", "threads"} <= set(facts)
