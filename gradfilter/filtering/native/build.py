"""Builds the kernels once for each source, compiler, set of flags and processor, into a folder of the user's own.

A finished build is one file that ends in the digest of the rest, and it appears under its name in one step: what was
torn or changed is seen before anything of it is run, and two processes may build at once.
"""

import hashlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, NamedTuple

from gradfilter.filtering.native.compiler import Compiler, Unavailable, find_compiler, processor, run

SOURCES = Path(__file__).resolve().parent
_ALWAYS = ["-std=gnu11", "-O3", "-fopenmp", "-fPIC", "-fno-math-errno", "-fno-trapping-math"]
# The second for compilers that do not know this processor.
FLAGS = ([*_ALWAYS, "-march=native"], _ALWAYS)
_DIGEST = hashlib.sha256().digest_size


class Build(NamedTuple):
    """A library that is there, and how it was made."""

    path: Path
    compiler: Compiler
    flags: List[str]


def built_library() -> Build:
    """The build for this machine, made now where there is none yet.

    Raises:
        Unavailable: there is no compiler, it fails, or the folder cannot be written.
    """
    compiler, folder = find_compiler(), build_folder()
    builds = [Build(folder / _name(compiler, flags), compiler, list(flags)) for flags in FLAGS]
    for build in builds:
        if is_whole(build.path):
            return build
    try:
        _make(builds[0])
    except Unavailable:
        _make(builds[1])
        return builds[1]
    return builds[0]


def build_folder() -> Path:
    """GRADFILTER_NATIVE_DIR, else gradfilter in the user's cache."""
    named = os.environ.get("GRADFILTER_NATIVE_DIR")
    if named:
        return Path(named)
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    except RuntimeError as error:
        raise Unavailable("no folder for the build: name one in GRADFILTER_NATIVE_DIR (%s)" % error) from error
    return Path(cache) / "gradfilter"


def is_whole(path: Path) -> bool:
    """Whether a file is a finished build, to its last byte."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return len(content) > _DIGEST and hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]


def _name(compiler: Compiler, flags: List[str]) -> str:
    digest = hashlib.sha256()
    for part in (*compiler.command, compiler.version, *flags, processor()):
        digest.update(part.encode() + b"\0")
    for source in sorted([*SOURCES.glob("*.c"), *SOURCES.glob("*.h")]):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return "kernels-%s.so" % digest.hexdigest()[:20]


def _make(build: Build) -> None:
    """Compile both element types, link, and put the result in its place."""
    try:
        build.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=str(build.path.parent), prefix="build-") as work:
            content = _compile(build, Path(work))
            finished = Path(work) / "finished"
            finished.write_bytes(content + hashlib.sha256(content).digest())
            finished.replace(build.path)
    except OSError as error:
        raise Unavailable(
            "%s cannot be written: set GRADFILTER_NATIVE_DIR (%s)" % (build.path.parent, error)
        ) from error


def _compile(build: Build, work: Path) -> bytes:
    command, library = build.compiler.command, work / "kernels.so"
    objects = [str(work / name) for name in ("float32.o", "float64.o")]
    with ThreadPoolExecutor(len(objects)) as at_once:
        list(at_once.map(lambda double, to: run([*command, *build.flags, *_source(double), "-o", to]), (0, 1), objects))
    # Not linked with OpenMP: the process has torch's by then, and a second one would be a second pool of threads.
    run([*command, "-shared", *objects, "-o", str(library)])
    return library.read_bytes()


def _source(double: int) -> List[str]:
    return ["-DDOUBLE=%d" % double, "-c", str(SOURCES / "kernels.c")]
