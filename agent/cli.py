"""`gradfilter-agent`: starts the agent, or shows what it would see on this board."""

import argparse
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from agent import VERSION
from agent.calibrating import add_arguments, calibrate
from agent.described_worker import DescribedWorker
from agent.errors import AgentError
from agent.sensors.surroundings import Surroundings
from agent.settings import AgentSettings
from agent.worker_command import worker_command

_SECRET = ("token", "meters")  # a meter's address may hold a password
_UNSHOWN = (*_SECRET, "settings")  # settings: an error of all of them together


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the process's exit status."""
    options = _parser().parse_args(arguments)
    fields = AgentSettings.model_fields
    given = {name: value for name, value in vars(options).items() if name in fields and value is not None}
    try:
        settings = AgentSettings(**given)
    except SettingsError as error:
        print(f"gradfilter-agent: {_not_json(error)}", file=sys.stderr)  # noqa: T201
        return 2
    except ValidationError as error:
        for one in error.errors():
            print(f"gradfilter-agent: {_not_as_expected(one)}", file=sys.stderr)  # noqa: T201
        return 2
    _forget_secrets()
    try:
        status = _command(options, settings)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left to write must not fail once more
        if isinstance(error, BrokenPipeError):
            return 0  # whoever read it has seen enough
        print(f"gradfilter-agent: {error.filename or 'the output'}: {error.strerror or error}.", file=sys.stderr)  # noqa: T201
        return 1
    return status


def _command(options: argparse.Namespace, settings: AgentSettings) -> int:
    if options.command == "sensors":
        return _show_sensors(settings.surroundings(), options.watch, options.as_json)
    if options.command == "calibrate":
        return calibrate(options, settings.surroundings())
    if options.command == "device":
        return _show_device(settings, options.worker)
    return _serve(settings)


def _forget_secrets() -> None:
    """They are none of the workers' business, in whatever case the settings' names were written."""
    secret = {f"gradfilter_agent_{name}" for name in _SECRET}
    for name in [name for name in os.environ if name.lower() in secret]:
        del os.environ[name]


def _not_json(error: SettingsError) -> str:
    """The library names the setting between quotation marks."""
    found = re.search(r'field "(\w+)"', str(error))
    setting = f"GRADFILTER_AGENT_{found[1].upper()}" if found else "a setting"
    return f"{setting} must be JSON: {error.__cause__}."


def _not_as_expected(error: Mapping[str, Any]) -> str:
    name = ".".join(map(str, error["loc"])) or "settings"
    got = f", got {error['input']!r}" if name.partition(".")[0] not in _UNSHOWN else ""
    return f"{name}: {error['msg'].removeprefix('Value error, ')}{got}."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradfilter-agent",
        description="Run training jobs on this board, one at a time, and measure them.",
        epilog="Every flag can be set in the environment too, as GRADFILTER_AGENT_HOST and so on.",
    )
    parser.add_argument("--version", action="version", version=VERSION)
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8101)")
    parser.add_argument("--data-dir", type=Path, help="where runs and checkpoints are kept (default var/agent)")
    parser.add_argument("--datasets-dir", type=Path, help="a folder per data set (default: datasets in the data dir)")
    parser.add_argument("--weights-dir", type=Path, help="files that jobs name as weights (default: weights there)")
    parser.add_argument(
        "--model-modules", help="Python modules from which jobs may name models, separated by commas (default none)"
    )
    parser.add_argument("--worker-python", help="the Python that has gradfilter and torch (default: this one)")
    parser.add_argument("--root", type=Path, help="where sensors are read from (default /)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    sensors = commands.add_parser("sensors", help="list this board's sensors, and why the others are missing")
    sensors.add_argument("--watch", action="store_true", help="show live values until Ctrl-C")
    sensors.add_argument("--json", action="store_true", dest="as_json", help="print JSON; with --watch a line a second")
    device = commands.add_parser("device", help="print this board's description as JSON")
    device.add_argument("--worker", action="store_true", help="ask the worker's Python too, which takes some seconds")
    add_arguments(commands.add_parser("calibrate", help="fit the board's own power reading to a meter's"))
    return parser


def _show_sensors(surroundings: Surroundings, watch: bool, as_json: bool) -> int:
    from agent.sensors_command import show_sensors  # noqa: PLC0415 - the other commands need not pay for it

    return show_sensors(surroundings, watch, as_json)


def _show_device(settings: AgentSettings, with_worker: bool) -> int:
    from agent.device import describe_board  # noqa: PLC0415
    from agent.sensors import describe_sensors  # noqa: PLC0415

    description = describe_board(settings.root, describe_sensors(settings.surroundings()))
    if with_worker:
        worker = _ask_worker(settings)
        description.worker, description.worker_error = worker.description, worker.error
    print(json.dumps(asdict(description), indent=2, ensure_ascii=False))  # noqa: T201
    return int(bool(description.worker_error))


def _ask_worker(settings: AgentSettings) -> DescribedWorker:
    """Its answer, which is not remembered: a service may own the data folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = worker_command(settings, settings.data_dir.absolute(), "describe")
        worker = DescribedWorker(command, Path(folder) / "worker.json")
        worker.start()
        worker.answered.wait()
    return worker


def _serve(settings: AgentSettings) -> int:
    import uvicorn  # noqa: PLC0415

    from agent.access import exposure  # noqa: PLC0415
    from agent.app import create_app  # noqa: PLC0415
    from agent.data_folder import DataFolder  # noqa: PLC0415

    if reason := exposure(settings):
        print(f"gradfilter-agent: {reason}", file=sys.stderr)  # noqa: T201
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        DataFolder(settings.data_dir, settings.min_free_bytes).close()  # refuse in a sentence, not in a traceback
    except (AgentError, OSError) as error:
        print(f"gradfilter-agent: {error}", file=sys.stderr)  # noqa: T201
        return 1
    app = create_app(settings)

    class Server(uvicorn.Server):
        """Stops the active run first, so that whoever waits for it gets its last word and the server can end."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
            if app.state.runs is not None:
                app.state.runs.stop()
            self.should_exit = True

    config = uvicorn.Config(
        app,
        settings.host,
        settings.port,
        log_config=None,
        access_log=False,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    Server(config).run()
    return 0
