"""The archive of a bundle: its files, a manifest with their checksums, and the programs that check and install them."""

import gzip
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.bundling.boards import BoardType
from deploy.bundling.wheels import Wheel, sha256

FORMAT = 1
MANIFEST = "manifest.json"
_ON_BOARD = Path(__file__).resolve().parent / "on_board"
# Wheels are compressed already.
_COMPRESSION = 1


@dataclass(frozen=True)
class Collected:
    """An environment's wheels, and those that must be had by hand and were not: file name → where to get it."""

    wheels: list[Wheel]
    missing: dict[str, str] = field(default_factory=dict)


def bundle_name(board: BoardType, version: str) -> str:
    """The archive's name without .tar.gz, and the folder in it."""
    return f"gradfilter-bundle-{board.name}-{version}"


def lay_out(folder: Path, board: BoardType, version: str, environments: dict[str, Collected]) -> None:
    """Fill a folder with everything that goes into the archive; an interpreter may be in it already."""
    (folder / "wheels").mkdir(parents=True)
    (folder / "requirements").mkdir()
    for name, collected in environments.items():
        (folder / _requirements(name)).write_text(_pinned_with_hashes(collected.wheels), encoding="utf-8")
        for wheel in collected.wheels:
            _link(wheel.path, folder / "wheels" / wheel.path.name)
    for program in sorted(_ON_BOARD.glob("*.py")):
        shutil.copy(program, folder / program.name)
    manifest = {
        "format": FORMAT,
        "board": board.name,
        "boards": board.boards,
        "version": version,
        "machine": board.machine,
        "glibc": board.glibc,
        "environments": {name: _environment(name, board, collected) for name, collected in environments.items()},
        "files": _files(folder),
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _environment(name: str, board: BoardType, collected: Collected) -> dict[str, Any]:
    environment = board.environments[name]
    return {
        "python": environment.python,
        "interpreter": environment.interpreter,
        "requirements": _requirements(name),
        "versions": {wheel.name: wheel.version for wheel in collected.wheels},
        "missing": collected.missing,
    }


def pack(folder: Path, archive: Path) -> None:
    """Write the folder's archive: the same files always give the same bytes. It appears whole or not at all."""
    part = archive.with_name(archive.name + ".part")
    with (
        part.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=_COMPRESSION, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path in [folder, *sorted(folder.rglob("*"))]:
            inside = Path(folder.name) / path.relative_to(folder)
            tar.add(path, arcname=str(inside), recursive=False, filter=_anonymous)
    part.replace(archive)


def _requirements(environment: str) -> str:
    return f"requirements/{environment}.txt"


def _pinned_with_hashes(wheels: list[Wheel]) -> str:
    """What pip installs with --require-hashes: exactly these files, whatever else lies beside them."""
    return "".join(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256()}\n" for wheel in wheels)


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in paths}


def _link(source: Path, target: Path) -> None:
    """Two environments may share a wheel; a hard link saves the copy where the file system has them."""
    if target.exists():
        return
    copy: Callable[[Path, Path], Any] = os.link
    try:
        copy(source, target)
    except OSError:
        shutil.copy(source, target)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
