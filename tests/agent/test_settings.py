"""The agent's settings, from the environment and from flags."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.settings import AgentSettings
from agent.worker_command import worker_command

COMMAND = str(Path(sys.executable).with_name("gradfilter-agent"))


@pytest.mark.parametrize(
    ("text", "modules"), [("", []), ("zoo", ["zoo"]), ("zoo.nets, lab_1", ["zoo.nets", "lab_1"]), (" zoo,", ["zoo"])]
)
def test_model_modules_are_separated_by_commas(monkeypatch, text, modules):
    """A list in the environment is written as words, not as JSON."""
    monkeypatch.setenv("GRADFILTER_AGENT_MODEL_MODULES", text)
    assert modules == AgentSettings().model_modules


def test_worker_is_told_what_its_board_holds(tmp_path):
    """The board's folders and modules reach the worker's command line; by default folders lie in the agent's."""
    settings = AgentSettings(model_modules="zoo,lab", weights_dir=tmp_path / "zoo")
    command = worker_command(settings, tmp_path, "describe")
    told = dict(zip(command[4::2], command[5::2], strict=True))
    assert [str(tmp_path / name) for name in ("cache", "datasets", "zoo")] == [
        told[flag] for flag in ("--cache-dir", "--datasets-dir", "--weights-dir")
    ]
    assert ["--model-module", "zoo", "--model-module", "lab"] == command[-4:]


def test_bad_module_is_named_in_one_line():
    """What is no Python module's name ends the agent's start in a sentence."""
    environment = {**os.environ, "GRADFILTER_AGENT_MODEL_MODULES": "zoo,os; rm"}
    agent = subprocess.run([COMMAND, "device"], capture_output=True, text=True, check=False, env=environment)
    assert (2, 1) == (agent.returncode, agent.stderr.count("\n"))
    assert "model_modules: 'os; rm' is no Python module's name" in agent.stderr


@pytest.mark.parametrize(
    ("setting", "text", "sentence"),
    [
        ("METERS", "http://admin:secret@plug", "GRADFILTER_AGENT_METERS must be JSON: Expecting value"),
        ("METERS", '{"url": "http://admin:secret@plug"}', "meters: Input should be a valid list."),
        ("RAILS", "{ina226: board_input}", "GRADFILTER_AGENT_RAILS must be JSON: Expecting property name"),
        ("RAILS", '{"ina226": "everything"}', "rails.ina226: Input should be 'board_input', 'wall'"),
    ],
)
def test_bad_setting_is_named_without_its_secrets(setting, text, sentence):
    """Neither what is no JSON nor what is something else is repeated where a password may stand in it."""
    environment = {**os.environ, f"GRADFILTER_AGENT_{setting}": text}
    agent = subprocess.run([COMMAND, "device"], capture_output=True, text=True, check=False, env=environment)
    assert (2, 1) == (agent.returncode, agent.stderr.count("\n"))
    assert agent.stderr.startswith(f"gradfilter-agent: {sentence}")
    assert "secret" not in agent.stderr
