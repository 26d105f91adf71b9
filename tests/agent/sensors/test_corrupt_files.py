"""Sensor files with anything in them: nothing crashes, and nothing is read that makes no sense or was not there."""

import math
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.sensors import detect_sensors
from agent.sensors.surroundings import Surroundings
from tests.boards import BOARDS, build_board

LIMITS = {"W": (0, 2e4), "J": (0, 1e9), "degC": (-55, 150), "Hz": (1e6, 2e10), "B": (0, 1e23), "ratio": (0, 1)}
LIMITS.update({"V": (0, 100), "A": (0, 200), "level": (0, 1e6), "count": (0, 1e12)})
WORKER = 4242

JUNK = st.one_of(
    st.sampled_from([b"", b"\n", b"nan", b"NaN\n", b"inf", b"-inf", b"-", b"N/A\n", b"\x00\x00", b"\xff\xfe"]),
    st.binary(max_size=200),
    st.text(max_size=60).map(str.encode),
).map(lambda content: bytes(byte for byte in content if byte not in b"0123456789"))
CONTENTS = st.one_of(
    JUNK,
    st.sampled_from([b"-1", b"0", b"-256000", b"1e9", b"99999999999999999999"]),
    st.integers(-(10**25), 10**25).map(lambda number: b"%d\n" % number),
    st.binary(max_size=200),
    st.binary(max_size=20).map(lambda junk: b"MemAvailable: 5 kB\nSwapTotal: " + junk + b" kB\ncpu  1 2 " + junk),
)
# A file is deleted, cut to so much of what it held, or overwritten.
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.none() | st.floats(0, 1) | CONTENTS), max_size=4)
# A few examples on every board.
EXAMPLES = settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@pytest.fixture(params=BOARDS)
def tree(request, tmp_path):
    """A board that is built anew for every example, with a worker on it."""
    root = tmp_path / "board"

    def build():
        shutil.rmtree(root, ignore_errors=True)
        build_board(request.param, root)
        worker = root / "proc" / str(WORKER)
        children = worker / "task" / str(WORKER) / "children"
        children.parent.mkdir(parents=True)
        children.write_text("4243 ")
        (worker / "statm").write_text("9000 5000 100 1 0 900 0\n")
        (worker / "stat").write_text(f"{WORKER} (python) S 1 1 1 0 -1 0 0 0 0 0 60 20 0 0 20 0 1 0 99 0 0\n")
        (root / "proc/vmstat").write_text("pswpin 10\npswpout 20\n")
        return root

    return build


def files_of(root):
    return sorted(path for path in root.rglob("*") if path.is_file())


def corrupt(root, changes):
    """Delete, cut or overwrite files of the tree."""
    files = files_of(root)
    for number, change in changes:
        path = files[number % len(files)]
        if change is None:
            path.unlink(missing_ok=True)
        elif isinstance(change, bytes):
            path.write_bytes(change)
        elif path.exists():
            content = path.read_bytes()
            path.write_bytes(content[: int(change * len(content))])


def detected(root):
    """The sensors on the tree, which follow its worker."""
    sensors, _ = detect_sensors(Surroundings(root))
    for sensor in sensors:
        sensor.follow(WORKER)
    return sensors


def read(sensor):
    """(channel, value) of every channel, or nothing where the whole sensor gave nothing."""
    try:
        return list(zip(sensor.channels, sensor.read(), strict=True))
    except OSError:
        return []


def makes_sense(value, unit):
    low, high = LIMITS[unit]
    return value is None or (math.isfinite(value) and low <= value <= high)


@EXAMPLES
@given(before=CHANGES, after=CHANGES)
def test_corrupt_files_give_no_nonsense(tree, before, after):
    """Files that are corrupt at detection or turn so afterwards lead to readings within reason, None or an OSError."""
    root = tree()
    corrupt(root, before)
    sensors = detected(root)
    corrupt(root, after)
    readings = [pair for sensor in sensors for _ in range(2) for pair in read(sensor)]
    assert [] == [(channel.name, value) for channel, value in readings if not makes_sense(value, channel.unit)]


@EXAMPLES
@given(content=CONTENTS)
def test_one_content_in_all_files(tree, content):
    """The same bytes in every file of a board give no crash, whatever they are."""
    root = tree()
    for path in files_of(root):
        path.write_bytes(content)
    readings = [pair for sensor in detected(root) for pair in read(sensor)]
    assert all(makes_sense(value, channel.unit) for channel, value in readings)


@EXAMPLES
@given(junk=JUNK)
def test_files_without_a_digit_give_no_value(tree, junk):
    """Where no number stands any more, none is read: neither the last one nor a zero is put in its place."""
    root = tree()
    sensors = detected(root)
    for path in files_of(root):
        path.write_bytes(junk)
    readings = [pair for sensor in sensors for pair in read(sensor)]
    assert [] == [(channel.name, value) for channel, value in readings if value is not None]


def test_board_that_vanishes_has_no_value(tree):
    """Where no file is left, every sensor has no reading or says that it has none."""
    root = tree()
    sensors = detected(root)
    shutil.rmtree(root)
    assert all(value is None for sensor in sensors for _, value in read(sensor))
