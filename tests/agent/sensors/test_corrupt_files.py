"""Sensor files with anything in them: nothing crashes, and nothing is read that makes no sense."""

import math
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.sensors import detect_sensors
from agent.sensors.surroundings import Surroundings
from tests.boards import BOARDS, build_board

LIMITS = {"W": (0, 2e4), "J": (0, 1e9), "degC": (-55, 150), "Hz": (1e6, 2e10), "B": (0, 1e18), "ratio": (0, 1)}
LIMITS.update({"V": (0, 100), "A": (0, 200), "level": (0, 1e6), "count": (0, 1e12)})

CONTENTS = st.one_of(
    st.sampled_from([b"", b"\n", b"nan", b"inf", b"-inf", b"-1", b"0", b"-256000", b"1e9", b"99999999999999999999"]),
    st.integers(-(10**25), 10**25).map(lambda number: b"%d\n" % number),
    st.binary(max_size=200),
    st.text(max_size=60).map(str.encode),
    st.binary(max_size=20).map(lambda junk: b"MemAvailable: 5 kB\nSwapTotal: " + junk + b" kB\ncpu  1 2 " + junk),
)
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.one_of(st.none(), CONTENTS)), max_size=4)


@pytest.fixture(params=BOARDS)
def tree(request, tmp_path):
    """A board that is built anew for every example."""
    root = tmp_path / "board"

    def build():
        shutil.rmtree(root, ignore_errors=True)
        return build_board(request.param, root)

    return build


def corrupt(root, changes):
    """Overwrite, or for None delete, files of the tree."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for number, content in changes:
        path = files[number % len(files)]
        if content is None:
            path.unlink(missing_ok=True)
        elif path.parent.exists():
            path.write_bytes(content)


def makes_sense(value, unit):
    low, high = LIMITS[unit]
    return value is None or (math.isfinite(value) and low <= value <= high)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=CHANGES, after=CHANGES)
def test_corrupt_files_give_no_nonsense(tree, before, after):
    """Files that are corrupt at detection or turn so afterwards lead to readings within reason, None or an OSError."""
    root = tree()
    corrupt(root, before)
    sensors, _ = detect_sensors(Surroundings(root))
    corrupt(root, after)
    for sensor in sensors:
        for _ in range(2):
            try:
                values = sensor.read()
            except OSError:
                continue
            pairs = zip(values, sensor.channels, strict=True)
            assert all(makes_sense(value, channel.unit) for value, channel in pairs)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=CONTENTS)
def test_one_content_in_all_files(tmp_path, content):
    """The same bytes in every file of a laptop give no crash, whatever they are."""
    root = build_board("intel-laptop", tmp_path)
    for path in root.rglob("*"):
        if path.is_file():
            path.write_bytes(content)
    sensors, _ = detect_sensors(Surroundings(root))
    assert all(len(sensor.channels) == len(sensor.read()) for sensor in sensors)
