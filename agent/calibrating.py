"""`gradfilter-agent calibrate`: the board's own power reading against a meter's.

Both are recorded at the same time, while the board goes through several loads, or pairs read off by eye are typed in:

    gradfilter-agent calibrate pmic --record own.csv --seconds 600       while the meter logs to meter.csv
    gradfilter-agent calibrate pmic --readings own.csv --reference meter.csv --meter "FNB58 no. 2"
    gradfilter-agent calibrate pmic --pair 2.91=3.95 --pair 5.02=6.37 … --meter "FNB58 no. 2"

Series are CSV files with the columns time_s (Unix time) and watts.
"""

import argparse
import csv
import math
import sys
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from statistics import fmean

from agent.calibration import Calibration, Pair, fit, keep
from agent.errors import AgentError, CalibrationRefused
from agent.sensors.raspberry_pi_pmic import CALIBRATION, RaspberryPiPmic, board_number
from agent.sensors.sensor import Absent
from agent.sensors.surroundings import Surroundings

_WINDOW_S = 10.0  # own readings fluctuate, so means over such windows are compared
_FEWEST_IN_A_WINDOW = 3
_COLUMNS = ("time_s", "watts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own flags."""
    parser.add_argument("sensor", choices=[CALIBRATION], help="pmic: the power chip of a Raspberry Pi 5")
    parser.add_argument("--record", type=Path, metavar="FILE", help="record the board's own readings as CSV, and end")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to record (default 600; Ctrl-C ends it)")
    parser.add_argument("--readings", type=Path, metavar="FILE", help="the board's own readings, as recorded")
    parser.add_argument("--reference", type=Path, metavar="FILE", help="the meter's readings of the same time")
    parser.add_argument("--pair", action="append", default=[], metavar="OWN=METER", help="two readings of one moment")
    parser.add_argument("--meter", default="an unnamed meter", help="what the meter is, for the record")
    parser.add_argument(
        "--meter-tolerance", type=float, help="its relative error, such as 0.01; without it the channel declares none"
    )


def calibrate(options: argparse.Namespace, surroundings: Surroundings) -> int:
    """Record, or fit and keep; the process's exit status.

    Raises:
        OSError: a file cannot be read or written.
    """
    try:
        if not (options.meter.strip() and options.meter.isprintable()):
            raise CalibrationRefused(f"--meter {options.meter!r}: expected one line of text, such as 'FNB58 no. 2'.")
        if options.record:
            print(_record(options.record, options.seconds, surroundings))  # noqa: T201
            return 0
        pairs = _pairs(options)
        found = fit(pairs, options.meter, options.meter_tolerance, board_number(surroundings))
        if surroundings.calibration_file is None:
            raise CalibrationRefused("no file is set in which calibrations are kept.")
        keep(surroundings.calibration_file, CALIBRATION, found)
    except AgentError as error:
        print(f"gradfilter-agent: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(_said(found), f"Kept in {surroundings.calibration_file}.", sep="\n")  # noqa: T201
    return 0


def _record(file: Path, seconds: float, surroundings: Surroundings) -> str:
    if not 0 < seconds < math.inf:
        raise CalibrationRefused(f"--seconds {seconds:g}: expected a time above 0.")
    sensor = RaspberryPiPmic.detect(surroundings)
    if isinstance(sensor, Absent):
        raise CalibrationRefused(sensor.reason)
    rows, failed = 0, ""
    with file.open("w", newline="", buffering=1) as out, suppress(KeyboardInterrupt):  # Ctrl-C keeps what there is
        writer = csv.writer(out)
        writer.writerow(_COLUMNS)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = time.time()
            try:
                watts = sensor.read()[0]
            except OSError as error:  # the firmware may not answer once in a while
                watts, failed = None, f" The last that failed: {error}."
            if watts is not None:
                writer.writerow([f"{(before + time.time()) / 2:.3f}", f"{watts:.6f}"])
                rows += 1
            time.sleep(sensor.slowest_s)
    return f"{rows} readings in {file}.{failed}"


def _pairs(options: argparse.Namespace) -> list[Pair]:
    if options.pair and not (options.readings or options.reference):
        return [_typed(pair) for pair in options.pair]
    if options.readings and options.reference and not options.pair:
        return paired(_series(options.readings), _series(options.reference))
    raise CalibrationRefused("give either --readings and --reference, or --pair at least five times.")


def paired(own: list[Pair], reference: list[Pair]) -> list[Pair]:
    """Means of both series, given as (time_s, watts), over the windows in which both have enough readings.

    Raises:
        CalibrationRefused: there is no such window.
    """
    means = [_means(series) for series in (own, reference)]
    pairs = [(means[0][window], means[1][window]) for window in sorted(means[0].keys() & means[1].keys())]
    if not pairs:
        raise CalibrationRefused(
            f"the two recordings share no {_WINDOW_S:g} s with {_FEWEST_IN_A_WINDOW} readings each: the board's runs "
            f"from {own[0][0]:.0f} to {own[-1][0]:.0f}, the meter's from {reference[0][0]:.0f} to "
            f"{reference[-1][0]:.0f} (Unix time, s)."
        )
    return pairs


def _means(series: list[Pair]) -> dict[int, float]:
    windows = defaultdict(list)
    for time_s, watts in series:
        windows[int(time_s // _WINDOW_S)].append(watts)
    return {window: fmean(values) for window, values in windows.items() if len(values) >= _FEWEST_IN_A_WINDOW}


def _series(file: Path) -> list[Pair]:
    with file.open(newline="", errors="replace") as lines:
        rows = csv.DictReader(lines)
        if not set(_COLUMNS) <= set(rows.fieldnames or ()):
            raise CalibrationRefused(f"{file} needs a first line that names the columns {' and '.join(_COLUMNS)}.")
        series = [_row(file, rows.line_num, row) for row in rows]
    if not series:
        raise CalibrationRefused(f"{file} holds no reading.")
    return series


def _row(file: Path, line: int, row: dict[str, str | None]) -> Pair:
    try:
        time_s, watts = (float(row[column] or "") for column in _COLUMNS)
    except ValueError:
        time_s = watts = math.nan
    if not (math.isfinite(time_s) and math.isfinite(watts)):
        raise CalibrationRefused(f"{file}, line {line}: expected two numbers, got {[row[name] for name in _COLUMNS]}.")
    return time_s, watts


def _typed(pair: str) -> Pair:
    own, _, meter = pair.partition("=")
    try:
        found = float(own), float(meter)
    except ValueError:
        raise CalibrationRefused(f"--pair {pair}: expected OWN=METER in watts, such as 2.91=3.95.") from None
    if not all(math.isfinite(watts) for watts in found):
        raise CalibrationRefused(f"--pair {pair}: expected finite numbers.")
    return found


def _said(found: Calibration) -> str:
    return (
        f"board input = {found.gain:.4f} x sum of rails {found.offset_w:+.3f} W, R² {found.r_squared:.4f}, "
        f"{found.points} points over {found.span_w:.2f} W, residual {found.residual_w * 1e3:.0f} mW, "
        f"against {found.meter}."
    )
