"""What decides whether `make test` is green: parts one after another, and some beside them."""

import sys

import pytest

from tests import parts

QUIET = parts.Part("quiet", (sys.executable, "-c", ""))
# It ends only after the part that comes after it in the list has ended.
MEETING = """
import pathlib, sys, time
met = pathlib.Path(sys.argv[1])
while not met.exists():
    time.sleep(0.01)
print("they met", file=sys.stderr)
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def beside(tmp_path):
    """A part beside the others that waits for one of them, and that one."""
    met = tmp_path / "met"

    def beside(status):
        waiting = parts.Part("waiting", (sys.executable, "-c", MEETING, str(met), str(status)), beside=True)
        return [waiting, parts.Part("other", ("touch", str(met))), QUIET]

    return beside


def test_a_part_runs_beside_the_others_and_says_its_all_at_its_end(beside, capsys, tmp_path):
    """The others go on meanwhile; what it said is printed, and kept in a file."""
    assert 0 == parts.run_all(beside(0), tmp_path)
    printed = capsys.readouterr().out
    assert printed.index("== other") < printed.index("they met")
    assert "parts: 3 passed, 0 failed" in printed
    assert "they met\n" == (tmp_path / "reports" / "waiting.log").read_text()


def test_a_part_that_fails_beside_the_others_is_a_failure(beside, capsys, tmp_path):
    """Its exit status counts like any other's."""
    assert 1 == parts.run_all(beside(3), tmp_path)
    assert "FAILED (exit 3), beside the others" in capsys.readouterr().out


def test_a_part_that_fails_hides_no_other(beside, capsys, tmp_path):
    """What comes after it runs all the same."""
    failing = parts.Part("failing", ("false",))
    assert 1 == parts.run_all([failing, *beside(0)], tmp_path)
    assert "parts: 3 passed, 1 failed" in capsys.readouterr().out
