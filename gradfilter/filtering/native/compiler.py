"""The machine's C compiler, and what distinguishes one build of the kernels from another."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import List, NamedTuple, Sequence

CANDIDATES = ("cc", "gcc", "clang")
_SECONDS = 300  # a slow board compiles for half a minute


class Unavailable(Exception):  # noqa: N818 - it says what is the matter with the kernels
    """Why the kernels cannot be used here, as a sentence without its full stop."""


class Compiler(NamedTuple):
    """How it is called, and the first line of what it says of itself."""

    command: List[str]
    version: str


def find_compiler() -> Compiler:
    """The compiler that CC names, else the first of CANDIDATES on the path.

    Raises:
        Unavailable: there is none, or it does not run.
    """
    named = shlex.split(os.environ.get("CC", ""))
    commands = [named] if named else [[name] for name in CANDIDATES]
    for command in commands:
        if shutil.which(command[0]):
            return Compiler(command, run([*command, "--version"]).split("\n", 1)[0])
    raise Unavailable("no C compiler: %s not found" % ", ".join(command[0] for command in commands))


def run(command: Sequence[str]) -> str:
    """What a command prints.

    Raises:
        Unavailable: it fails, or cannot be started.
    """
    try:
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable("%s: %s" % (command[0], error)) from error
    output = result.stdout.decode(errors="replace")
    if result.returncode != 0:
        raise Unavailable("%s failed: %s" % (command[0], " ".join(output.split())[:300] or "it says nothing"))
    return output


def processor() -> str:
    """What a build with -march=native depends on; empty where /proc does not tell."""
    names = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(sorted({line for line in lines if line.startswith(names)}))
