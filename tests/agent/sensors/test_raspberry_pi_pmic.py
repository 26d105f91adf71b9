"""The power chip of a Raspberry Pi 5, asked through a stand-in for vcgencmd."""

import pytest

from agent.calibration import fit, keep
from agent.sensors.raspberry_pi_pmic import RaspberryPiPmic
from agent.sensors.sensor import Absent
from agent.sensors.surroundings import Surroundings
from tests.boards.raspberry_pi_firmware import RAILS, pmic_read_adc, write_vcgencmd


class Pi:
    """A Raspberry Pi 5 with its firmware's answers in a folder."""

    def __init__(self, root, folder):
        self.root, self.folder = root, folder
        self.calibration_file = folder / "calibration.json"
        self.command = write_vcgencmd(folder, pmic_read_adc=pmic_read_adc(4.0))

    def answer(self, text):
        (self.folder / "pmic_read_adc.txt").write_text(text)

    def detect(self, command=None):
        told = Surroundings(self.root, vcgencmd=str(command or self.command), calibration_file=self.calibration_file)
        return RaspberryPiPmic.detect(told)


@pytest.fixture
def pi(board, tmp_path):
    return Pi(board("raspberry-pi-5"), tmp_path / "firmware")


def named(sensor):
    return dict(zip([channel.name for channel in sensor.channels], sensor.read(), strict=True))


def test_rails_and_their_sum(pi):
    """Twelve rails, paired by name, each volts times amperes; the sum, and the input's voltage beside it."""
    readings = named(pi.detect())
    assert {name for name, *_ in RAILS} | {"sum_of_rails", "EXT5V"} == readings.keys()
    assert pytest.approx((4.0, 5.11024), abs=1e-5) == (readings["sum_of_rails"], readings["EXT5V"])
    assert readings["VDD_CORE"] == max(readings[name] for name, *_ in RAILS)


def test_what_the_sum_covers(pi):
    """The sum is what the rails carry, not the board's input; without a calibration the sensor says what to do."""
    pmic = pi.detect()
    assert {"rails": "total", "rail": "rail", "": ""} == {c.covers: c.role for c in pmic.channels}
    assert "gradfilter-agent calibrate pmic" in pmic.advice


def test_calibrated_channel_is_the_boards_input(pi):
    """With a calibration, its line through the sum is a channel with the errors of the fit; the raw sum stays."""
    line = [(own / 2, 1.2 * own / 2 + 0.6) for own in range(4, 20)]
    calibration = fit([*line, (3.0, 4.25)], "FNB58", 0.01, board="")
    keep(pi.calibration_file, "pmic", calibration)
    pmic = pi.detect()
    [channel] = [c for c in pmic.channels if c.name == "board_input"]
    readings = named(pmic)
    assert ("", True) == (pmic.advice, pmic.note.startswith("board_input is calibrated against FNB58"))
    assert pytest.approx((4.0, calibration.watts(4.0))) == (readings["sum_of_rails"], readings["board_input"])
    assert ("board_input", "total") == (channel.covers, channel.role)
    assert pytest.approx((calibration.gain_tolerance, calibration.offset_tolerance)) == (
        channel.gain_tolerance,
        channel.offset_tolerance,
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "no file of calibrations"), ('{"pmic": {"gain": 1}}', "damaged"), ('{"pmic": 3}', "damaged")],
)
def test_damaged_calibration_leaves_the_raw_sum(pi, content, words):
    """A file that cannot be understood is no calibration, and the sensor says so."""
    pi.calibration_file.write_text(content)
    pmic = pi.detect()
    assert "board_input" not in {channel.name for channel in pmic.channels}
    assert words in pmic.advice


def test_calibration_of_another_board_is_not_used(pi):
    """A card that moved to another board takes its calibration along; the serial number tells."""
    keep(pi.calibration_file, "pmic", fit([(x, x + 1.0) for x in range(1, 7)], "meter", 0.0, board="10000000abcdef"))
    pmic = pi.detect()
    assert "board_input" not in {channel.name for channel in pmic.channels}
    assert "made on board 10000000abcdef" in pmic.advice


def test_order_and_spaces_do_not_matter(pi):
    """Rails belong together by name, wherever their lines stand."""
    before = named(pi.detect())
    pi.answer("\n".join(f"  {line.strip()} " for line in reversed(pmic_read_adc(4.0).splitlines())))
    after = named(pi.detect())
    assert pytest.approx(before) == after


@pytest.mark.parametrize("junk", ["", "VDD_CORE_A current(7)=", "VDD_CORE_A current(7)=NaNA", "\x00\xff" * 50])
def test_missing_rail_leaves_no_sum(pi, junk):
    """Without one rail the sum would dip, so there is none; the other rails are read."""
    pmic = pi.detect()
    lines = [line for line in pmic_read_adc(4.0).splitlines() if "VDD_CORE_A" not in line]
    pi.answer("\n".join([*lines, junk]))
    readings = named(pmic)
    assert (None, None) == (readings["sum_of_rails"], readings["VDD_CORE"])
    assert pytest.approx(5.11024) == readings["EXT5V"]
    assert 0 < readings["1V8_SYS"]


def test_impossible_numbers_are_no_reading(pi):
    """A current that no rail can carry is a fault of the reading."""
    pmic = pi.detect()
    pi.answer(pmic_read_adc(4.0).replace("VDD_CORE_A current(7)=", "VDD_CORE_A current(7)=9999"))
    assert None is named(pmic)["sum_of_rails"]


def test_firmware_that_stops_answering_is_an_error(pi):
    """The firmware's own words reach the record."""
    pmic = pi.detect()
    (pi.folder / "pmic_read_adc.txt").unlink()
    with pytest.raises(OSError, match="Command not registered"):
        pmic.read()


def test_command_that_hangs_is_an_error(pi):
    """A firmware that does not answer is given up after a second."""
    pmic = pi.detect()
    pi.command.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(TimeoutError, match="did not answer"):
        pmic.read()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (None, "raspi-utils"),
        ("#!/bin/sh\necho 'Can\\'t open device file: /dev/vcio'; exit 255\n", "group video"),
        ("#!/bin/sh\necho hello\n", "names no rail"),
    ],
)
def test_without_the_firmware_it_says_what_to_do(pi, tmp_path, program, words):
    """A command that is not there, not allowed or not understood is absent with advice."""
    command = tmp_path / "other"
    if program:
        command.write_text(program)
        command.chmod(0o755)
    found = pi.detect(command)
    assert isinstance(found, Absent)
    assert words in found.reason


@pytest.mark.parametrize(
    "model", ["Raspberry Pi 4 Model B Rev 1.4", "Raspberry Pi 3 Model B Plus", "Raspberry Pi Zero 2 W"]
)
def test_other_raspberry_pis_cannot_measure_themselves(pi, model):
    """No command is asked there, and the sentence names what can measure."""
    (pi.root / "proc/device-tree/model").write_text(model + "\0")
    found = pi.detect()
    assert isinstance(found, Absent)
    assert f"a {model} cannot measure its own power" in found.reason
    assert "INA226" in found.reason


@pytest.mark.parametrize("model", ["Raspberry Pi 500 Rev 1.0", "Raspberry Pi Compute Module 5 Rev 1.0"])
def test_relatives_with_the_same_chip(pi, model):
    """The Raspberry Pi 500 and the Compute Module 5 have it too."""
    (pi.root / "proc/device-tree/model").write_text(model + "\0")
    assert pytest.approx(4.0, abs=1e-5) == named(pi.detect())["sum_of_rails"]
