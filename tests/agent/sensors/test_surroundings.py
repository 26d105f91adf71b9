"""What the sensors are told, on its way from the agent's settings to the sampler."""

import json
from pathlib import Path

import pytest

from agent.sensors.surroundings import MeterSettings, Surroundings
from agent.settings import AgentSettings

METER = MeterSettings("shelly", "http://10.0.0.7", "plug", update_s=0.5)


def test_surroundings_survive_one_line_of_json():
    """What the sampler reads is what the agent wrote, meters and missing files included."""
    for told in (
        Surroundings(),
        Surroundings(Path("/board"), "/py", "/vc", (METER,), Path("/c.json"), {"ina226": "board_input"}),
    ):
        line = told.to_json()
        assert "\n" not in line
        assert told == Surroundings.from_json(line)


def test_settings_from_the_environment(monkeypatch, tmp_path):
    """The owner's variables reach the sensors; the calibration lies in the data folder unless another is named."""
    monkeypatch.setenv("GRADFILTER_AGENT_METERS", json.dumps([{"kind": "shelly", "url": METER.url, "name": "plug"}]))
    monkeypatch.setenv("GRADFILTER_AGENT_JTOP_PYTHON", "/usr/bin/python3")
    monkeypatch.setenv("GRADFILTER_AGENT_RAILS", json.dumps({"ina226": "board_input"}))
    told = AgentSettings(data_dir=tmp_path).surroundings()
    assert (MeterSettings("shelly", METER.url, "plug"),) == told.meters
    assert {"ina226": "board_input"} == told.rails
    assert ("/usr/bin/python3", tmp_path / "calibration.json") == (told.jtop_python, told.calibration_file)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "mqtt", "topic": "a/b"}, "must be mqtt:// or mqtts://"),
        ({"url": "127.0.0.1"}, "must be http:// or https://"),
        ({"url": "http://10.0.0.7:port"}, "must be http:// or https://"),
        ({"url": "http://10.0.0.7/a b"}, "must be http:// or https://"),
        ({"name": " "}, "must be one line"),
        ({"name": "a\nb"}, "must be one line"),
        ({"update_s": 0}, "update_s must be above 0"),
        ({"update_s": float("nan")}, "update_s must be above 0"),
        ({"channel": 1}, "channel, from 0, is for shelly alone"),
        ({"kind": "shelly", "channel": -1}, "channel, from 0, is for shelly alone"),
        ({"kind": "tasmota", "power_path": "a"}, "power_path and energy_path are for http and mqtt alone"),
        ({"topic": "a/b"}, "has one topic"),
        ({"kind": "mqtt", "url": "mqtt://h"}, "has one topic"),
        ({"kind": "mqtt", "url": "mqtt://h", "topic": "a/#"}, "has one topic"),
        ({"gain_tolerance": -0.1}, "gain_tolerance must be 0 or more"),
    ],
)
def test_description_that_makes_no_sense(changes, words):
    """A mistake in the settings is refused when they are read, in a sentence."""
    described = {"kind": "http", "url": "http://127.0.0.1", "name": "plug"}
    with pytest.raises(ValueError, match=words):
        MeterSettings(**(described | changes))


def test_description_hides_the_address():
    """What is printed by mistake holds no password."""
    assert "s3cret" not in repr(MeterSettings("http", "http://me:s3cret@h", "plug"))
