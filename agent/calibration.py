"""Calibrations: how a board's own power reading relates to a meter's, found by a fit and kept in a JSON file.

reference power = gain x own reading + offset, by ordinary least squares. A fit that cannot be trusted is refused.
"""

import json
import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from agent.errors import CalibrationRefused

FEWEST_POINTS = 5
SMALLEST_SPAN_W = 1.0  # between the lowest and the highest reference power
LOWEST_R_SQUARED = 0.98
_STANDARD_ERRORS = 2.0  # so many make the tolerance that a channel declares

Pair = tuple[float, float]


@dataclass(frozen=True)
class Calibration:
    """A fit and where it came from. board: the serial number it holds for, '' where the board has none.

    gain_error, offset_error_w: standard errors of the fit. residual_w: root mean square of what the line leaves.
    meter_tolerance: the reference meter's own relative error, as its owner states it, None where nobody does.
    """

    gain: float
    offset_w: float
    r_squared: float
    points: int
    span_w: float
    residual_w: float
    gain_error: float
    offset_error_w: float
    meter: str
    meter_tolerance: float | None
    date: str
    board: str

    def watts(self, reading: float) -> float:
        """The reference power that belongs to a reading."""
        return self.gain * reading + self.offset_w

    @property
    def gain_tolerance(self) -> float | None:
        """Relative error of a calibrated power: two standard errors of the gain, and the meter's own.

        None where the meter's is not known: it is mostly the larger one.
        """
        if self.meter_tolerance is None:
            return None
        return self.meter_tolerance + _STANDARD_ERRORS * self.gain_error / self.gain

    @property
    def offset_tolerance(self) -> float:
        """Absolute error in watts: two standard errors of the offset."""
        return _STANDARD_ERRORS * self.offset_error_w


def fit(pairs: Sequence[Pair], meter: str, meter_tolerance: float | None, board: str) -> Calibration:
    """The line through pairs of (own reading, reference), both in watts.

    Raises:
        CalibrationRefused: too few points, too small a span, no line, a line that falls, or no relative error.
    """
    if meter_tolerance is not None and not 0 <= meter_tolerance < 1:
        raise CalibrationRefused(
            f"the meter's relative error cannot be {meter_tolerance:g}: expected one from 0 to below 1, such as 0.01."
        )
    if len(pairs) < FEWEST_POINTS:
        raise CalibrationRefused(
            f"{len(pairs)} points, at least {FEWEST_POINTS} are needed: measure longer, at more loads."
        )
    own, reference = ([float(pair[side]) for pair in pairs] for side in (0, 1))
    span_w = max(reference) - min(reference)
    if span_w < SMALLEST_SPAN_W or min(own) == max(own):
        raise CalibrationRefused(
            f"the power spans only {span_w:.2g} W, at least {SMALLEST_SPAN_W:g} W are needed: measure an idle board "
            f"and one whose cores all work, and steps between."
        )
    gain, offset_w = statistics.linear_regression(own, reference)
    left = sum((y - gain * x - offset_w) ** 2 for x, y in pairs)
    about_mean = sum((y - statistics.fmean(reference)) ** 2 for y in reference)
    r_squared = 1 - left / about_mean
    if r_squared < LOWEST_R_SQUARED or gain <= 0:
        raise CalibrationRefused(
            f"R² is {r_squared:.3f} and the gain {gain:.3g}; at least {LOWEST_R_SQUARED:g} and a positive gain are "
            f"needed: were both recorded at the same time, by clocks that agree, with each load held for a minute?"
        )
    spread = sum((x - statistics.fmean(own)) ** 2 for x in own)
    variance = left / (len(pairs) - 2)
    mean_square = sum(x * x for x in own) / len(own)
    return Calibration(
        gain=gain,
        offset_w=offset_w,
        r_squared=r_squared,
        points=len(pairs),
        span_w=span_w,
        residual_w=(left / len(pairs)) ** 0.5,
        gain_error=(variance / spread) ** 0.5,
        offset_error_w=(variance * mean_square / spread) ** 0.5,
        meter=meter,
        meter_tolerance=meter_tolerance,
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        board=board,
    )


def keep(file: Path, sensor: str, calibration: Calibration) -> None:
    """Write a sensor's calibration into the file, beside those of others.

    Raises:
        OSError: the file cannot be written.
        CalibrationRefused: it is there and is no file of calibrations.
    """
    kept = _load(file)
    kept[sensor] = asdict(calibration)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    beside.replace(file)


def find(file: Path | None, sensor: str, board: str) -> Calibration | None:
    """A sensor's calibration for the board of that serial number, None where there is none.

    Raises:
        CalibrationRefused: the file cannot be understood, or holds another board's calibration.
    """
    if file is None:
        return None
    kept = _load(file).get(sensor)
    if kept is None:
        return None
    if not _is_whole(kept):
        raise CalibrationRefused(f"the calibration of {sensor} in {file} is damaged: calibrate again.")
    calibration = Calibration(**kept)
    if calibration.board != board:
        raise CalibrationRefused(
            f"the calibration of {sensor} in {file} was made on board {calibration.board or 'without a number'}, "
            f"this is {board or 'one without a number'}: calibrate again."
        )
    return calibration


def _is_whole(kept: Any) -> bool:
    """Every field is there and of its type, the numbers finite, the gain positive."""
    types = {field.name: field.type for field in fields(Calibration)}
    if not isinstance(kept, dict) or kept.keys() != types.keys():
        return False
    words, numbers = ([kept[name] for name, kind in types.items() if (kind is str) is text] for text in (True, False))
    if kept["meter_tolerance"] is None:
        numbers.remove(None)
    return (
        all(isinstance(word, str) for word in words)
        and all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
        and kept["gain"] > 0
    )


def _load(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        kept = None
    if not isinstance(kept, dict):
        raise CalibrationRefused(f"{file} is no file of calibrations: move it away and calibrate again.")
    return kept
