"""Make the bundle of a board type: one archive from which a board is installed without a network.

    python -m deploy.bundling raspberry-pi-5                 the archive goes to var/bundles/
    python -m deploy.bundling x86-64-laptop --output DIR

Wheels are kept in var/bundles/wheels/ for the next bundle; delete it to fetch them anew.
"""

import argparse
import ast
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.bundling.archive import bundle_name, lay_out, pack
from deploy.bundling.boards import BoardType, board_type
from deploy.bundling.closure import Closure
from deploy.bundling.errors import BundleError
from deploy.bundling.own_wheels import build_own_wheels
from deploy.bundling.pins import Pins
from deploy.bundling.target import Target
from deploy.bundling.wheels import Wheel

ROOT = Path(__file__).resolve().parent.parent.parent


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
    with tempfile.TemporaryDirectory(dir=output, prefix=".making-") as work:
        own = build_own_wheels(source, Path(work) / "own")
        folder = Path(work) / bundle_name(board, version)
        lay_out(folder, board, version, _collect(board, source, cache, own))
        archive = output / f"{folder.name}.tar.gz"
        pack(folder, archive)
    return archive


def _collect(board: BoardType, source: Path, cache: Path, own: dict[str, Path]) -> dict[str, list[Wheel]]:
    collected = {}
    for name, environment in board.environments.items():
        print(f"collecting the {name}'s wheels for Python {environment.python}")
        pins = Pins(source / environment.constraints, environment.versions)
        closure = Closure(Target.of(board, environment), pins, cache, own, print)
        collected[name] = closure.collect(environment.packages)
    return collected


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
