"""The documentation keeps up: whatever can be chosen stands in its tables."""

from pathlib import Path

import pytest

from agent.sensors import SENSORS
from agent.settings import AgentSettings
from controller.report import FORMATS
from controller.settings import Settings
from controller.suites import suite_names
from gradfilter.bench.board import Board
from gradfilter.bench.datasets import absent_datasets, dataset_names
from gradfilter.bench.models.segmentation import SegmentationModels
from gradfilter.bench.worker import WORKLOADS
from gradfilter.methods import METHODS

ROOT = Path(__file__).resolve().parent.parent
PAGES = "\n".join((ROOT / page).read_text() for page in ("README.md", "docs/catalogue.md", "docs/settings.md"))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_every_method_is_documented(method):
    """A method's row names it, its options and its source."""
    (row,) = [line for line in PAGES.splitlines() if line.startswith(f"| `{method.name}` |")]
    assert [] == [option.name for option in method.describe().options if f"`{option.name}`" not in row]


def test_every_data_set_is_documented(tmp_path):
    """What travels with the worker, and what an empty board says that it could have."""
    board = Board(tmp_path, tmp_path, tmp_path)
    names = [*dataset_names(board), *absent_datasets(board)]
    assert "folder:NAME" in names
    assert [] == [name for name in names if f"`{name}`" not in PAGES]


def test_every_segmentation_model_is_documented():
    """The names are made of architectures and encoders, each of which is there."""
    source = SegmentationModels()
    names = [*source.names(), *source.absent()]
    parts = {part for name in names for part in (name.split("_", 1)[0], "_" + name.split("_", 1)[1])}
    assert 14 == len(names)
    assert set() == {part for part in parts if f"`{part}`" not in PAGES}


@pytest.mark.parametrize("sensor", SENSORS, ids=lambda sensor: sensor.name)
def test_every_sensor_is_documented(sensor):
    """A sensor's row says what it reads and on which boards."""
    assert f"| `{sensor.name}` |" in PAGES


@pytest.mark.parametrize("kind", WORKLOADS)
def test_every_workload_is_documented(kind):
    """A kind of workload has its row."""
    assert f"| `{kind}` |" in PAGES


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_is_documented(name):
    """A suite's row says what it measures and beside which figures."""
    assert f"| `{name}` |" in PAGES


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_report_format_is_documented(format_name):
    """A report's format is named."""
    assert f"`{format_name}`" in PAGES


@pytest.mark.parametrize(
    "setting",
    [f"GRADFILTER_CONTROLLER_{name.upper()}" for name in Settings.model_fields]
    + [f"GRADFILTER_AGENT_{name.upper()}" for name in AgentSettings.model_fields],
)
def test_every_setting_is_documented(setting):
    """A setting is in the table, by its whole name."""
    assert f"`{setting}`" in PAGES


@pytest.mark.parametrize("verb", ["demo", "test", "test-quick", "test-long", "check", "bench", "load", "setup"])
def test_every_verb_is_documented(verb):
    """A make verb is explained to contributors and exists in the Makefile."""
    assert f"make {verb} " in (ROOT / "CONTRIBUTING.md").read_text()
    assert f"\n{verb}:" in (ROOT / "Makefile").read_text()
