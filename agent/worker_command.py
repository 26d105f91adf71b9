"""How the worker is started: which Python, and what of the board it may see."""

from pathlib import Path
from typing import Literal

from agent.settings import AgentSettings


def worker_command(settings: AgentSettings, data_dir: Path, verb: Literal["run", "describe"]) -> list[str]:
    """The worker's command line, without what belongs to a single run. data_dir is the agent's own folder."""
    command = [settings.worker_python, "-m", "gradfilter.bench.worker", verb]
    command += ["--cache-dir", str(data_dir / "cache")]
    command += ["--datasets-dir", str((settings.datasets_dir or data_dir / "datasets").absolute())]
    command += ["--weights-dir", str((settings.weights_dir or data_dir / "weights").absolute())]
    for module in settings.model_modules:
        command += ["--model-module", module]
    return command
