"""The worker process: one RunSpec in, events out, then it ends.

    python -m gradfilter.bench.worker run --events-fd N --cache-dir DIR …    < one line of JSON
    python -m gradfilter.bench.worker describe …

stdin stays open while the run lasts; its end means that whoever started the worker is gone, and the
worker ends at once. stdout and stderr are the run's log. Exit status 0 after a complete run, 1 after
a reported failure.
"""

import argparse
import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Callable, List, Optional

from gradfilter.bench.board import Board
from gradfilter.bench.decoding import decode, encode
from gradfilter.bench.errors import DecodingError, RefusedWorkload
from gradfilter.bench.events import EventWriter
from gradfilter.bench.failures import report_failure
from gradfilter.bench.schema import RunSpec

# Named, not imported: a spec is read and refused before torch's seconds of import.
# Each module has measure(spec, events, board) and prepare(spec, events, board); one that can be profiled has profile.
WORKLOADS = {
    "training": "gradfilter.bench.training",
    "conv_layer": "gradfilter.bench.conv_layer",
    "systolic": "gradfilter.bench.systolic",
}


def main(arguments: Optional[List[str]] = None) -> int:
    """Run the command line; the process's exit status."""
    options = _parser().parse_args(arguments)
    board = Board(options.cache_dir, options.datasets_dir, options.weights_dir, options.model_module)
    _keep_downloads_in(board.cache_dir)
    if options.command == "describe":
        return _describe(board)
    return _run(EventWriter(options.events_fd), board)


def _run(events: EventWriter, board: Board) -> int:
    events.phase("setup")
    try:
        spec = read_spec(sys.stdin.buffer.readline().decode("utf-8"))
        _end_with_starter()
        workload: Any = importlib.import_module(WORKLOADS[spec.workload.kind])
        _act(workload, spec)(spec, events, board)
    except Exception as error:  # noqa: BLE001 (the process's border: whatever it is, the record says so)
        report_failure(events, error)
        events.end()
        return 1
    events.end()
    return 0


def _act(workload: Any, spec: RunSpec) -> Callable[[RunSpec, EventWriter, Board], None]:
    """What the workload's module does for this purpose.

    Raises:
        RefusedWorkload: it has no such thing.
    """
    act: Optional[Callable[[RunSpec, EventWriter, Board], None]] = getattr(workload, spec.purpose, None)
    if act is None:
        raise RefusedWorkload("purpose", "a workload of kind %r has no %s." % (spec.workload.kind, spec.purpose))
    return act


def read_spec(line: str) -> RunSpec:
    """The RunSpec in a line of JSON.

    Raises:
        DecodingError: it is no JSON, or does not fit the schema.
    """
    try:
        value = json.loads(line)
    except ValueError as error:
        raise DecodingError("", "the RunSpec on stdin is not one line of JSON: %s." % error) from error
    return decode(RunSpec, value)


def _end_with_starter() -> None:
    """Watch stdin, and end this process when the other side of it is gone."""
    threading.Thread(target=_wait_for_end_of_input, name="stdin watch", daemon=True).start()


def _wait_for_end_of_input() -> None:
    # Not sys.stdin: a thread blocked inside it would hold its lock while the interpreter shuts down.
    while os.read(0, 4096):
        pass
    os.write(2, b"stdin was closed, so whoever started this worker is gone. Ending the run.\n")
    os._exit(1)


def _keep_downloads_in(cache_dir: Path) -> None:
    """Have libraries keep published weights with the board's own, unless its operator has set folders for them.

    A service may have no home to write to. The libraries read this once, when they are imported.
    """
    for variable, folder in (("HF_HOME", "huggingface"), ("TORCH_HOME", "torch")):
        os.environ.setdefault(variable, str(cache_dir.absolute() / folder))


def _describe(board: Board) -> int:
    description: Any = importlib.import_module("gradfilter.bench.description")
    sys.stdout.write(json.dumps(encode(description.describe_worker(WORKLOADS, board)), allow_nan=False) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gradfilter.bench.worker", description=__doc__.splitlines()[0])
    # As an attribute: the keyword came with Python 3.7.
    commands = parser.add_subparsers(dest="command")
    commands.required = True
    describe = commands.add_parser("describe", help="print what this Python can run, as JSON")
    run = commands.add_parser("run", help="run the RunSpec on stdin")
    run.add_argument("--events-fd", type=int, required=True, help="file descriptor to write events to")
    for command in (describe, run):
        command.add_argument(
            "--cache-dir", type=Path, default=Path("cache"), help="where starting checkpoints are kept"
        )
        command.add_argument("--datasets-dir", type=Path, default=Path("datasets"), help="a folder per data set")
        command.add_argument(
            "--weights-dir", type=Path, default=Path("weights"), help="files that jobs name as weights"
        )
        command.add_argument(
            "--model-module", action="append", default=[], help="a Python module from which jobs may name models"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
