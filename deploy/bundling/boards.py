"""The table of board types, deploy/boards.json: which Python and which torch each kind of board gets, and why."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from deploy.bundling.errors import BundleError

TABLE = Path(__file__).resolve().parent.parent / "boards.json"


@dataclass(frozen=True)
class EnvironmentType:
    """One virtual environment of a board.

    python: the version of the interpreter it is made with. packages: what is wanted, as pip reads it; what those
    need is found when the bundle is made. constraints: the file that pins every version; versions: what this
    environment pins otherwise. interpreter: whose Python it is, the board's own or one that comes in the bundle.
    by_hand: wheels that no registry has, file name → where their maker offers them; while one is missing, the
    environment takes the board's own packages.
    """

    python: str
    packages: list[str]
    constraints: str = "constraints.txt"
    versions: dict[str, str] = field(default_factory=dict)
    interpreter: Literal["board", "bundle"] = "board"
    by_hand: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BoardType:
    """A kind of board. glibc: the C library of its system; core: the oldest of its processors, as QEMU names it."""

    name: str
    boards: str
    machine: str
    glibc: str
    environments: dict[str, EnvironmentType]
    core: str = ""
    reasons: list[str] = field(default_factory=list)


def read_boards(table: Path = TABLE) -> dict[str, BoardType]:
    """Every type of board, by name."""
    return {name: _board(name, entry) for name, entry in json.loads(table.read_text(encoding="utf-8")).items()}


def board_type(name: str, table: Path = TABLE) -> BoardType:
    """The type of that name.

    Raises:
        BundleError: there is none; the message names those there are.
    """
    boards = read_boards(table)
    if name not in boards:
        raise BundleError(f"there is no board type {name!r}; there are {', '.join(boards)}: make bundle BOARD=...")
    return boards[name]


def _board(name: str, entry: dict[str, Any]) -> BoardType:
    environments = {key: EnvironmentType(**value) for key, value in entry.pop("environments").items()}
    return BoardType(name=name, environments=environments, **entry)
