"""Make the bundle of a board type: one archive from which a board is installed without a network.

    python -m deploy.bundling raspberry-pi-5                 the archive goes to var/bundles/
    python -m deploy.bundling x86-64-laptop --output DIR

Wheels are kept in var/bundles/wheels/ for the next bundle; delete it to fetch them anew. Wheels that no registry has
(NVIDIA's for Jetsons) are taken from var/bundles/by-hand/; those that are not there are named.
"""

import argparse
import ast
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import parse_wheel_filename

from deploy.bundling.archive import Collected, bundle_name, lay_out, pack
from deploy.bundling.boards import BoardType, board_type
from deploy.bundling.closure import Closure
from deploy.bundling.errors import BundleError
from deploy.bundling.interpreter import collect_interpreter
from deploy.bundling.own_wheels import build_own_wheels
from deploy.bundling.pins import Pins
from deploy.bundling.target import Target

ROOT = Path(__file__).resolve().parent.parent.parent
BY_HAND = "by-hand"
MISSING = """not in the bundle, as no registry has it: {file}
    Fetch it from {source}
    into {place} and make the bundle again; without it the {name} takes the torch that is installed on the board."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        archive = make_bundle(board_type(options.board), source=options.source, output=options.output)
    except BundleError as error:
        print(f"no bundle: {error}", file=sys.stderr)
        return 1
    print(f"{archive}: {archive.stat().st_size / 1e6:.0f} MB")
    return 0


def make_bundle(board: BoardType, *, source: Path = ROOT, output: Path = ROOT / "var" / "bundles") -> Path:
    """Collect and pack the bundle; the archive's path. source: the repository whose version it holds.

    Raises:
        BundleError: something cannot be had, or does not fit the board.
    """
    version = _version(source)
    cache = output / "wheels"
    cache.mkdir(parents=True, exist_ok=True)
    (output / BY_HAND).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output, prefix=".making-") as work:
        own = build_own_wheels(source, Path(work) / "own")
        folder = Path(work) / bundle_name(board, version)
        collected = {name: _collect(board, name, source, cache, own) for name in board.environments}
        if any(environment.interpreter == "bundle" for environment in board.environments.values()):
            print("fetching an interpreter")
            collect_interpreter(board.machine, folder / "python")
        lay_out(folder, board, version, collected)
        archive = output / f"{folder.name}.tar.gz"
        pack(folder, archive)
    for name, one in collected.items():
        for file, source_page in one.missing.items():
            print(MISSING.format(name=name, file=file, place=output / BY_HAND, source=source_page))
    return archive


def _collect(board: BoardType, name: str, source: Path, cache: Path, own: dict[str, Path]) -> Collected:
    environment = board.environments[name]
    print(f"collecting the {name}'s wheels for Python {environment.python}")
    files = {cache.parent / BY_HAND / file: page for file, page in environment.by_hand.items()}
    given = {str(parse_wheel_filename(path.name)[0]): path for path in files if path.exists()}
    pins = Pins(source / environment.constraints, environment.versions)
    closure = Closure(Target.of(board, environment), pins, cache, {**own, **given}, print)
    wheels = closure.collect([*environment.packages, *given])
    return Collected(wheels, {path.name: page for path, page in files.items() if not path.exists()})


def _version(source: Path) -> str:
    """The services' version, read from the sources without importing them: they may be another checkout's."""
    for statement in ast.parse((source / "agent" / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "VERSION":
            return str(ast.literal_eval(statement.value))
    raise BundleError(f"{source} has no VERSION in agent/__init__.py: name the repository's root with --source.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.bundling", description="Make a board type's bundle.")
    parser.add_argument("board", help="a name in deploy/boards.json")
    parser.add_argument("--source", type=Path, default=ROOT, help="the repository to bundle; this one without")
    parser.add_argument("--output", type=Path, default=ROOT / "var" / "bundles", help="where the archive goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
