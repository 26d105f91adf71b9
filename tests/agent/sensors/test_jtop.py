"""The sensor jtop with a reader that is a small program: what it makes of ticks, of nonsense and of a reader's end."""

import json
from contextlib import suppress

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.jtop_process import find_python
from agent.sensors.jtop import Jtop, quantities
from agent.sensors.sensor import Absent
from agent.sensors.surroundings import Surroundings
from tests.agent.service import await_gone, wait_until

HELLO = {"kind": "hello", "interval_s": 0.5, "jtop": "7.2.2", "python": "3.10.12", "board": {}}
ORIN_NANO = {"total": {"VDD_IN": 4500}, "rails": {"VDD_CPU_GPU_CV": 800, "VDD_SOC": 1400}}
AGX_ORIN = {"rails": {"VDD_GPU_SOC": 3000, "VDD_CPU_CV": 1000, "VIN_SYS_5V0": 4000, "VDDQ_VDD2_1V8AO": 500}}
AGX_XAVIER = {"rails": {"GPU": 1000, "CPU": 2000, "SOC": 1500, "CV": 100, "VDDRQ": 400, "SYS5V": 2000}}


def tick(at_s=1.0, **facts):
    return {"kind": "tick", "at_s": at_s, **facts}


@pytest.fixture
def connect(tmp_path):
    """Writes a reader that says lines and then does something, and connects to it."""
    sensors = []

    def connect(*lines, then="exec sleep 1000"):
        said = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        (tmp_path / "lines").write_text(said + "\n" if said else "")
        reader = tmp_path / "reader"
        reader.write_text(f"#!/bin/sh\ncat {tmp_path / 'lines'}\n{then}\n")
        reader.chmod(0o755)
        sensors.append(Jtop.connect(str(reader)))
        return sensors[-1]

    yield connect
    for sensor in sensors:
        with suppress(AttributeError):
            sensor.close()


def powers(first, *later):
    """Channel name → (covers, role, watts in each tick) of a board with these ticks."""
    found = [quantity for quantity in quantities(first, 0.5) if quantity.channel.unit == "W"]
    watts = {one.channel.name: [one.of(each) for each in (first, *later)] for one in found}
    return {
        one.channel.name: (
            one.channel.covers,
            one.channel.role,
            *(value if value is None else round(value, 6) for value in watts[one.channel.name]),
        )
        for one in found
    }


def test_named_total():
    """A tick in which jtop's total is another one, or has no name, has no reading of the board's."""
    other, nameless = {**ORIN_NANO, "total": {"VIN": 9000}}, {**ORIN_NANO, "total": {}}
    assert {
        "VDD_IN": ("module", "total", 4.5, None, None),
        "VDD_CPU_GPU_CV": ("rail", "rail", 0.8, 0.8, 0.8),
        "VDD_SOC": ("rail", "rail", 1.4, 1.4, 1.4),
    } == powers(ORIN_NANO, other, nameless)


@pytest.mark.parametrize(("board", "covers", "watts"), [(AGX_XAVIER, "module", 7.0), (AGX_ORIN, "rails", 8.0)])
def test_sum_of_rails(board, covers, watts):
    """Where no rail is the whole board's, a sum is offered, named from its rails; with one missing it is none."""
    short = {"rails": dict(list(board["rails"].items())[1:])}
    [total] = [(name, found) for name, found in powers(board, short).items() if found[1] == "total"]
    assert (covers, "total", watts, None) == total[1]
    assert total[0].startswith(" + ".join(list(board["rails"])[:3]))


def test_usb_supplies_are_no_rails():
    """What a USB-C supply offers is neither a rail of the board nor part of its sum."""
    with_supply = {"rails": {**AGX_ORIN["rails"], "ucsi-source-psy-USBC000:001": 15000, "USBC000:002": 9000}}
    assert powers(AGX_ORIN) == powers(with_supply)


def test_units():
    """Degrees, hertz, bytes and ratios, as the records have them."""
    facts = tick(
        temperatures={"cpu": 48.25, "gpu": None},
        gpus={"gpu": {"load": 25.0, "clock": 306000}},
        memory={"used": 1000, "shared": 10, "swap": 0},
        fans={"pwmfan": 40.0},
    )
    found = {one.channel.name: (one.channel.unit, one.of(facts)) for one in quantities(facts, 0.5)}
    assert {
        "cpu temperature": ("degC", 48.25),
        "gpu temperature": ("degC", None),
        "gpu load": ("ratio", 0.25),
        "gpu clock": ("Hz", 306e6),
        "ram used": ("B", 1024000.0),
        "ram used by the gpu": ("B", 10240.0),
        "swap used": ("B", 0.0),
        "pwmfan": ("ratio", 0.4),
    } == found


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(10**25), 10**25) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PARTS = st.sampled_from(["total", "rails", "temperatures", "gpus", "memory", "fans", "nvpmodel"])


@given(first=st.dictionaries(PARTS, JSON), later=st.dictionaries(PARTS, JSON))
def test_nonsense_is_no_reading(first, later):
    """A tick with anything in it gives finite numbers within reason, or none."""
    for one in quantities(first, 0.5):
        for value in (one.of(first), one.of(later)):
            assert value is None or one.low <= value <= one.high


def test_readings_carry_their_own_instants(connect):
    """Each tick is read once, at the instant that the reader gave it; other lines say nothing."""
    jtop = connect(HELLO, tick(1.0, **ORIN_NANO), "half a li", "[1]", tick(1.5, **ORIN_NANO), tick(None, **ORIN_NANO))
    got = []
    wait_until("two readings", lambda: got.extend(jtop.readings()) or len(got) > 1)
    assert ([1.0, 1.5], []) == ([reading.at_s for reading in got], jtop.readings())
    assert jtop.read()[0] == 4.5


def test_killed_reader_takes_all_it_started_along(connect):
    """Closing the sensor ends the reader and its children, whatever they are waiting for."""
    jtop = connect(HELLO, tick(**ORIN_NANO), then="trap '' TERM; sleep 1000; sleep 1000")
    [reader] = [one for one in psutil.Process().children() if "reader" in " ".join(one.cmdline())]
    wait_until("the reader's child", lambda: "sleep" in str([child.name() for child in reader.children()]))
    processes = [reader, *reader.children()]
    jtop.close()
    await_gone(processes)


def test_reader_that_ends_is_started_anew(connect):
    """Every end of the reader leaves a hole, and its return a remark with the reader's last words."""
    jtop = connect(HELLO, tick(5.0, **ORIN_NANO), then="echo 'ValueError: too much' >&2; exit 1")
    got = []
    wait_until("another start", lambda: got.extend(jtop.readings()) or len(got) > 2)
    assert [(5.0, 4.5), None, (5.0, 4.5)] == [
        reading.values[0] if reading.values[0] is None else (reading.at_s, reading.values[0]) for reading in got
    ][:3]
    assert "ended: ValueError: too much." in jtop.remarks[0]


@pytest.mark.parametrize(
    ("lines", "then", "words"),
    [
        ([HELLO], "echo 'MemoryError' >&2; exit 1", "ended: MemoryError."),
        (["#!/usr/bin/env python3"], "exit 0", "ended: it said nothing."),
        ([{"kind": "error", "error": "lost", "message": "Lost"}], "exit 1", "journalctl -u jtop.service says why."),
        ([{"kind": "error", "error": "new", "message": "Odd.\nMore"}], "exit 1", "jtop failed: Odd. journalctl"),
    ],
)
def test_reader_without_a_tick(connect, lines, then, words):
    """A reader that never gives a tick leaves its reason."""
    found = connect(*lines, then=then)
    assert isinstance(found, Absent)
    assert words in found.reason


def test_only_the_running_system_is_asked(tmp_path):
    """jtop knows nothing of a tree elsewhere, and no other board is searched for it."""
    tree = tmp_path / "sys/firmware/devicetree/base/compatible"
    assert Absent("this is no Jetson, so there is no jtop.") == Jtop.detect(Surroundings(root=tmp_path))
    tree.parent.mkdir(parents=True)
    tree.write_text("nvidia,p3449-0000-b00+p3448-0000-b00\0nvidia,jetson-nano\0nvidia,tegra210\0")
    assert "told to look elsewhere" in Jtop.detect(Surroundings(root=tmp_path)).reason


def test_first_python_that_has_jtop_is_taken(tmp_path, monkeypatch):
    """Each python3 on the path is asked; the one that is named is taken at its word."""
    for name, code in (("without", 1), ("with", 0)):
        python = tmp_path / name / "python3"
        python.parent.mkdir()
        python.write_text(f"#!/bin/sh\nexit {code}\n")
        python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'without'}:{tmp_path / 'with'}")
    assert str(tmp_path / "with/python3") == find_python("")[0]
    assert ("/opt/python", ["/opt/python"]) == find_python("/opt/python")
