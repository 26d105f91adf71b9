"""The README keeps up: whatever can be chosen stands in its tables."""

from pathlib import Path

import pytest

from agent.sensors import SENSORS
from agent.settings import AgentSettings
from controller.report import FORMATS
from controller.settings import Settings
from controller.suites import suite_names
from gradfilter.bench.worker import WORKLOADS
from gradfilter.methods import METHODS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_in_the_readme(name):
    """A method's row names it, its options and its source."""
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("sensor", SENSORS, ids=lambda sensor: sensor.name)
def test_every_sensor_is_in_the_readme(sensor):
    """A sensor's row says what it reads and on which boards."""
    assert f"| `{sensor.name}` |" in README


@pytest.mark.parametrize("kind", WORKLOADS)
def test_every_workload_is_in_the_readme(kind):
    """A kind of workload has its row."""
    assert f"| `{kind}` |" in README


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_is_in_the_readme(name):
    """A suite's row says what it measures and beside which figures."""
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_report_format_is_in_the_readme(format_name):
    """A report's format is named."""
    assert f"`{format_name}`" in README


@pytest.mark.parametrize(
    "setting",
    [f"GRADFILTER_CONTROLLER_{name.upper()}" for name in Settings.model_fields]
    + [f"GRADFILTER_AGENT_{name.upper()}" for name in AgentSettings.model_fields],
)
def test_every_setting_is_in_the_readme(setting):
    """A setting is in the table, by its whole name."""
    assert f"`{setting}`" in README


@pytest.mark.parametrize("verb", ["demo", "test", "test-quick", "test-long", "check", "bench", "load", "setup"])
def test_every_verb_is_documented(verb):
    """A make verb is explained to contributors and exists in the Makefile."""
    assert f"make {verb} " in (ROOT / "CONTRIBUTING.md").read_text()
    assert f"\n{verb}:" in (ROOT / "Makefile").read_text()
