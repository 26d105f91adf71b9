"""Loading the kernels, in processes of their own: two at once, none at all, and whose OpenMP they use."""

import json
import subprocess
import sys

import pytest

from gradfilter.filtering.native import native_facts

AVERAGES = [1.5, 5.5]


def answer(process):
    output, errors = process.communicate(timeout=200)
    assert 0 == process.returncode, errors.decode()
    facts = json.loads(output.decode())
    assert AVERAGES == facts.pop("averages")
    return facts


def test_two_processes_build_at_once(start, quick_compiler, tmp_path):
    """Both have whole kernels, and one build is left."""
    processes = [start(CC=quick_compiler) for _ in range(2)]
    assert ["native"] * 2 == [answer(process)["passes"] for process in processes]
    assert 1 == len(list((tmp_path / "builds").iterdir()))


def test_machine_without_a_compiler_computes_the_same(start, tmp_path):
    """The operators serve, and the facts say why."""
    facts = answer(start(PATH=str(tmp_path), CC=""))
    assert {"passes": "aten", "reason": "no C compiler: cc, gcc, clang not found"} == facts


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("off", "GRADFILTER_NATIVE is off"), ("maybe", "GRADFILTER_NATIVE is 'maybe', and must be on or off")],
)
def test_kernels_can_be_turned_off(start, setting, reason):
    """The setting is honoured, and one that is not understood is named."""
    assert {"passes": "aten", "reason": reason} == answer(start(GRADFILTER_NATIVE=setting))


def test_this_machine_has_native_kernels(c_compiler):
    """With a compiler there are kernels, and the facts tell how they were made."""
    facts = native_facts()
    assert {"passes", "compiler", "flags", "instruction_set", "openmp"} == set(facts), facts
    assert "native" == facts["passes"]
    assert "-O3" in facts["flags"]


COUNT = """
from pathlib import Path
from gradfilter.filtering.native import native_facts
assert "native" == native_facts()["passes"]
mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/" in line}
print(len([path for path in mapped if "libgomp" in path or "libiomp" in path or "libomp" in path]))
"""


def test_one_openmp_serves_torch_and_kernels(c_compiler):
    """There is one pool of threads in a process that has no other library's."""
    counted = subprocess.run([sys.executable, "-c", COUNT], stdout=subprocess.PIPE, check=True)
    assert b"1" == counted.stdout.strip()
