"""The power chip of a Raspberry Pi 5: `vcgencmd pmic_read_adc`, volts and amperes of twelve rails.

Untested on hardware. Rails are paired by name; EXT5V and BATT have a voltage only. The sum of the rails is what the
chip gives out: the SoC, its memory, radio and HDMI. It leaves out what hangs on the 5 V directly (USB, HAT, NVMe, fan)
and the conversion's loss, so it is no input of the board; a calibration against a meter (`gradfilter-agent calibrate
pmic`) adds a channel that is. No datasheet of the chip's converter is public, so steps, errors and averaging of the
rails are not declared; a calibrated channel declares its fit's. The rails are converted one after another. Every
reading starts a process, hence five a second at most. No other Raspberry Pi measures any current.
Source: Raspberry Pi documentation, "vcgencmd"; its output from public logs.
"""

import re

from agent.calibration import Calibration, find
from agent.errors import CalibrationRefused
from agent.sensors.files import read_label
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from agent.sensors.vcgencmd import Vcgencmd
from gradfilter.bench.schema import Channel

CALIBRATION = "pmic"
SUM = "sum_of_rails"
_LINE = re.compile(r"^\s*(\w+)_([AV])\s+\w+\(\d+\)\s*=\s*(\d{1,6}(?:\.\d{1,12})?)\s*[AV]\s*$", re.MULTILINE)
_INPUT = "EXT5V"
_MOST_VOLTS, _MOST_AMPERES = 30.0, 20.0
_HAS_THE_CHIP = re.compile(r"Raspberry Pi (5|500|Compute Module 5)\b")
_QUESTION = "pmic_read_adc"


class RaspberryPiPmic(Sensor):
    """The sum of the rails, that sum calibrated where there is a calibration, every rail, and the input's voltage."""

    name = "raspberry_pi_pmic"
    quantities = ("power", "voltage")
    slowest_s = 0.2

    def __init__(self, firmware: Vcgencmd, rails: list[str], calibration: Calibration | None) -> None:
        channels = [Channel(SUM, self.name, "power", "W", covers="rails", role="total")]
        if calibration is not None:
            channels.append(
                Channel(
                    "board_input",
                    self.name,
                    "power",
                    "W",
                    covers="board_input",
                    gain_tolerance=calibration.gain_tolerance,
                    offset_tolerance=calibration.offset_tolerance,
                    role="total",
                )
            )
        channels += [Channel(rail, self.name, "power", "W", covers="rail", role="rail") for rail in rails]
        super().__init__([*channels, Channel(_INPUT, self.name, "voltage", "V")])
        self._firmware = firmware
        self._rails = rails
        self._calibration = calibration

    @classmethod
    def detect(cls, surroundings: Surroundings) -> Sensor | Absent:
        """Present on a Raspberry Pi 5 whose firmware answers."""
        model = read_label(surroundings.root / "proc/device-tree/model")
        if not _HAS_THE_CHIP.match(model):
            return Absent(_why_not(model))
        firmware = Vcgencmd(surroundings.vcgencmd)
        try:
            rails = list(_watts(firmware.ask(_QUESTION)))
        except OSError as error:
            return Absent(f"{error}.")
        if not rails:
            return Absent(f"{surroundings.vcgencmd} {_QUESTION} names no rail with both volts and amperes.")
        calibration, advice = _calibration(surroundings)
        sensor = cls(firmware, rails, calibration)
        sensor.advice = advice
        if calibration is not None:
            sensor.note = f"board_input is calibrated against {calibration.meter} on {calibration.date}."
        return sensor

    def read(self) -> list[float | None]:
        """Watts and volts. A sum with a rail missing would dip, so it is no reading."""
        answer = self._firmware.ask(_QUESTION)
        found = _watts(answer)
        watts = [found.get(rail) for rail in self._rails]
        known = [value for value in watts if value is not None]
        total = sum(known) if len(known) == len(watts) else None
        values = [total]
        if self._calibration is not None:
            values.append(None if total is None else max(self._calibration.watts(total), 0.0))
        return [*values, *watts, _numbers(answer).get((_INPUT, "V"))]


def board_number(surroundings: Surroundings) -> str:
    """The serial number that a calibration is bound to."""
    return read_label(surroundings.root / "proc/device-tree/serial-number")


def _numbers(answer: str) -> dict[tuple[str, str], float]:
    """(rail, "A" or "V") → number, without what makes no sense."""
    found = ((name, unit, float(number)) for name, unit, number in _LINE.findall(answer))
    most = {"A": _MOST_AMPERES, "V": _MOST_VOLTS}
    return {(name, unit): number for name, unit, number in found if number <= most[unit]}


def _watts(answer: str) -> dict[str, float]:
    numbers = _numbers(answer)
    return {
        name: amperes * numbers[name, "V"]
        for (name, unit), amperes in numbers.items()
        if unit == "A" and (name, "V") in numbers
    }


def _calibration(surroundings: Surroundings) -> tuple[Calibration | None, str]:
    """The board's calibration, or what to do for one."""
    try:
        found = find(surroundings.calibration_file, CALIBRATION, board_number(surroundings))
    except (CalibrationRefused, OSError) as error:
        return None, str(error)
    if found is None:
        return None, (
            "the sum of its rails leaves out USB, HAT, fan and conversion loss; with a meter on the lead, "
            "`gradfilter-agent calibrate pmic` makes it the board's input."
        )
    return found, ""


def _why_not(model: str) -> str:
    if not model.startswith("Raspberry Pi"):
        return "only a Raspberry Pi 5 has this power chip."
    return (
        f"a {model} cannot measure its own power. What can: an INA226 or INA228 breakout in its 5 V lead (named in "
        f"GRADFILTER_AGENT_RAILS), a meter on that lead, or, for runs of minutes, a smart plug (both named in "
        f"GRADFILTER_AGENT_METERS)."
    )
