"""Boards for tests: see README.md."""

from pathlib import Path

_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\0": "\0"}
BOARDS = sorted(path.stem for path in Path(__file__).parent.glob("*.txt"))


def build_board(name: str, root: Path) -> Path:
    """Write the files of a board below root."""
    return write_files(Path(__file__).with_name(f"{name}.txt"), root)


def write_files(board: Path, root: Path) -> Path:
    """Write the files that a board's text lists below root."""
    for line in board.read_text().splitlines():
        path, _, content = line.partition(" = ")
        for escape, character in _ESCAPES.items():
            content = content.replace(escape, character)
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if content.endswith(("\n", "\0")) else content + "\n")
    return root
