"""Anything that vcgencmd may print: nothing crashes, and no number is invented."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.sensors.raspberry_pi_pmic import RaspberryPiPmic
from agent.sensors.surroundings import Surroundings
from agent.sensors.throttling import Throttling
from tests.boards.raspberry_pi_firmware import pmic_read_adc, write_vcgencmd

WHOLE = pmic_read_adc(4.0)
LIMITS = {"W": (0, 12 * 600), "V": (0, 30), "level": (0, 1)}
# Cut off anywhere, with bytes in between, or anything at all.
ANSWERS = st.one_of(
    st.integers(0, len(WHOLE)).map(lambda end: WHOLE[:end].encode()),
    st.tuples(st.integers(0, len(WHOLE)), st.binary(max_size=12)).map(
        lambda cut: WHOLE[: cut[0]].encode() + cut[1] + WHOLE[cut[0] :].encode()
    ),
    st.sampled_from(["VDD_CORE_A current(7)=1e9A", "VDD_CORE_A current(7)=-1.0A", "VDD_CORE_V volt(15)=infV"]).map(
        str.encode
    ),
    st.binary(max_size=400),
)


@pytest.fixture
def firmware(board, tmp_path):
    """The two sensors that ask the firmware, and the folder of its answers."""
    command = write_vcgencmd(tmp_path / "firmware", pmic_read_adc=WHOLE, get_throttled="throttled=0x0\n")
    told = Surroundings(board("raspberry-pi-5"), vcgencmd=str(command))
    return [RaspberryPiPmic.detect(told), Throttling.detect(told)], tmp_path / "firmware"


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(answer=ANSWERS)
def test_no_answer_gives_nonsense(firmware, answer):
    """Readings within reason, none, or an error; a sum only of all rails."""
    sensors, folder = firmware
    for question in ("pmic_read_adc", "get_throttled"):
        (folder / f"{question}.txt").write_bytes(answer)
    for sensor in sensors:
        try:
            values = sensor.read()
        except OSError:
            continue
        for value, channel in zip(values, sensor.channels, strict=True):
            low, high = LIMITS[channel.unit]
            assert value is None or (math.isfinite(value) and low <= value <= high)
        by_name = dict(zip([channel.name for channel in sensor.channels], values, strict=True))
        rails = [by_name[channel.name] for channel in sensor.channels if channel.covers == "rail"]
        assert (None in rails) == ("sum_of_rails" in by_name and by_name["sum_of_rails"] is None)
