"""The kernels by themselves, in a program of C, under the tools that see wrong reads, writes and races.

For races the program brings OpenMP on pthreads (openmp_on_pthreads.c), because ThreadSanitizer calls every barrier of
GCC's own library a race.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gradfilter.filtering.native.build import SOURCES

HERE = Path(__file__).resolve().parent
ADDRESSES = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fopenmp"]
PROCESSORS = {"native": ["-march=native"], "plain": []}


def compiled(compiler, to, double, flags):
    """The harness as a program, which is quicker to compile than to run without optimising."""
    whole = ["-std=gnu11", "-Wall", "-Wextra", "-g", "-O1", f"-I{SOURCES}", f"-DDOUBLE={double}"]
    sources = [str(HERE / "harness.c")]
    if "-fsanitize=thread" in flags:  # the program's own functions must not become OpenMP's
        subprocess.run([compiler, *whole, *flags, "-fopenmp", "-c", *sources, "-o", f"{to}.o"], check=True)
        sources = [f"{to}.o", str(HERE / "openmp_on_pthreads.c")]
    subprocess.run([compiler, *whole, *flags, *sources, "-o", str(to), "-lm", "-lpthread"], check=True)
    return str(to)


def installed(name, packages):
    """A program that this test needs, or a named skip; under CI=true a failure."""
    if shutil.which(name) is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no " + name + ": install " + packages)
    return name


def run(*command):
    """What a run without complaints printed."""
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "TSAN_OPTIONS": "halt_on_error=1"}
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert 0 == result.returncode, result.stdout.decode()[-4000:]
    return result.stdout


def test_kernels_read_and_write_their_own_only(c_compiler, tmp_path):
    """A sample under AddressSanitizer, and both layouts agree."""
    run(compiled(c_compiler, tmp_path / "harness", 0, ADDRESSES + PROCESSORS["native"]), "8", "2")


@pytest.mark.long
@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("double", [0, 1], ids=["float32", "float64"])
def test_kernels_read_and_write_their_own_only_in_many_scenes(c_compiler, tmp_path, double, processor):
    """Every kernel, with this processor's vectors and with the smallest."""
    program = compiled(c_compiler, tmp_path / "harness", double, ADDRESSES + PROCESSORS[processor])
    for threads in ("1", "2", "3"):
        run(program, "60", threads)


@pytest.mark.long
@pytest.mark.parametrize("double", [0, 1], ids=["float32", "float64"])
def test_kernels_have_no_races(c_compiler, tmp_path, double):
    """Under ThreadSanitizer, with more threads than some scenes have work for."""
    program = compiled(c_compiler, tmp_path / "harness", double, ["-fsanitize=thread", *PROCESSORS["native"]])
    for threads in ("2", "5"):
        run(program, "30", threads)


@pytest.mark.long
@pytest.mark.parametrize("double", [0, 1], ids=["float32", "float64"])
def test_kernels_use_nothing_that_was_never_written(c_compiler, tmp_path, double):
    """Under valgrind, whose processor has no AVX-512."""
    valgrind = installed("valgrind", "valgrind")
    program = compiled(c_compiler, tmp_path / "harness", double, ["-fopenmp"])
    run(valgrind, "--quiet", "--error-exitcode=3", program, "6", "1")


@pytest.mark.long
@pytest.mark.parametrize("double", [0, 1], ids=["float32", "float64"])
def test_kernels_agree_on_arm(tmp_path, double):
    """With NEON, compiled for a 64-bit ARM and run by an emulator."""
    compiler = installed("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")
    emulator = installed("qemu-aarch64-static", "qemu-user-static")
    program = compiled(compiler, tmp_path / "harness", double, ["-fopenmp"])
    assert b"NEON" in run(emulator, "-L", "/usr/aarch64-linux-gnu", program, "8", "2")


@pytest.mark.long
@pytest.mark.parametrize("processor", PROCESSORS)
def test_kernels_agree_from_another_compiler(tmp_path, processor):
    """Clang understands the vectors, too."""
    compiler = installed("clang", "clang and libomp-dev")
    run(compiled(compiler, tmp_path / "harness", 0, ["-fopenmp", *PROCESSORS[processor]]), "8", "2")
