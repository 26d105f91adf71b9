"""`gradfilter-agent sensors`: what this board measures, what it reads now, what its energy will be, what is missing."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

from agent.live_readings import LiveReadings
from agent.sensors import detect_sensors
from agent.sensors.surroundings import Surroundings
from gradfilter.bench.schema import ENERGY_ORDER, Channel, SensorReport, cross_checks, energy_channels

INTERRUPTED = 130  # what shells give for a command that Ctrl-C ended
_SETTLE_S = 1.5
_REDRAW_S = 0.5
_LINE_S = 1.0
_HOME, _TO_THE_END_OF_LINE, _TO_THE_END = "\x1b[H", "\x1b[K", "\x1b[J"
_HEAD = ("sensor", "channel", "unit", "covers", "step", "error", "now")
_WITHOUT_A_POINT = 1000
_SCALES = {"B": (1 / 2**20, "MiB"), "Hz": (1e-6, "MHz"), "ratio": (100.0, "%")}


def show_sensors(surroundings: Surroundings, watch: bool = False, as_json: bool = False) -> int:
    """Print them once, or with watch until Ctrl-C; the process's exit status.

    Raises:
        OSError: the output cannot be written.
    """
    try:
        sensors, reports = detect_sensors(surroundings)
        with closing(LiveReadings(sensors, _REDRAW_S / 2)) as live:
            live.settle(_SETTLE_S)
            if not watch:
                print(_json(reports, live) if as_json else "\n".join(_page(reports, live)))  # noqa: T201
            elif as_json or not sys.stdout.isatty():
                _print_lines(reports, live, as_json)
            else:
                _redraw(reports, live)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _redraw(reports: Sequence[SensorReport], live: LiveReadings) -> None:
    print(_HOME + _TO_THE_END, end="")  # noqa: T201
    while True:
        lines = "".join(f"{line}{_TO_THE_END_OF_LINE}\n" for line in _page(reports, live))
        print(_HOME + lines + _TO_THE_END, end="", flush=True)  # noqa: T201
        time.sleep(_REDRAW_S)


def _print_lines(reports: Sequence[SensorReport], live: LiveReadings, as_json: bool) -> None:
    while True:
        print(_json_line(live) if as_json else _line(reports, live), flush=True)  # noqa: T201
        time.sleep(_LINE_S)


def _json(reports: Sequence[SensorReport], live: LiveReadings) -> str:
    channels = _channels(reports)
    energy = {}
    for compute in ENERGY_ORDER:
        chosen = energy_channels(channels, compute)
        checks = cross_checks(channels, chosen)
        energy[compute] = {"channels": _names(chosen), "checked_by": _names(checks), "order": ENERGY_ORDER[compute]}
    document = {"sensors": [asdict(report) for report in reports], "energy": energy, **_now(live)}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _json_line(live: LiveReadings) -> str:
    return json.dumps({"monotonic_s": time.monotonic(), **_now(live)}, ensure_ascii=False)


def _now(live: LiveReadings) -> dict[str, Any]:
    return {"now": live.latest(), "trouble": live.trouble()}


def _line(reports: Sequence[SensorReport], live: LiveReadings) -> str:
    now = live.latest()
    values = (f"{c.sensor}.{c.name}={_value(now[c.sensor][c.name], c.unit)}" for c in _channels(reports))
    return " ".join([time.strftime("%H:%M:%S"), *values])


def _page(reports: Sequence[SensorReport], live: LiveReadings) -> list[str]:
    channels = _channels(reports)
    lines = _table(channels, live.latest())
    lines += ["", *(_energy_sentence(channels, compute) for compute in ENERGY_ORDER)]
    lines += [f"{sensor}: {reason}" for sensor, reason in live.trouble().items()]
    present = [(report.name, text) for report in reports if report.present for text in (report.reason, report.note)]
    lines += _section("to know:", [(name, text) for name, text in present if text])
    return lines + _section("missing:", [(report.name, report.reason) for report in reports if not report.present])


def _section(title: str, sentences: Sequence[tuple[str, str]]) -> list[str]:
    return ["", title, *(f"  {name}: {sentence}" for name, sentence in sentences)] if sentences else []


def _table(channels: Sequence[Channel], now: dict[str, dict[str, float | None]]) -> list[str]:
    rows = [_HEAD, *(_row(channel, now[channel.sensor][channel.name]) for channel in channels)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _row(channel: Channel, now: float | None) -> tuple[str, ...]:
    step = "" if channel.resolution is None else _value(channel.resolution, channel.unit)
    return (
        channel.sensor,
        channel.name,
        channel.unit,
        channel.covers,
        step,
        _declared_error(channel),
        _value(now, channel.unit),
    )


def _declared_error(channel: Channel) -> str:
    """'±1 % ±0.04 W', as the sensor declares it; '' where it declares nothing."""
    gain = "" if channel.gain_tolerance is None else f"±{channel.gain_tolerance * 100:.3g} %"
    offset = "" if channel.offset_tolerance is None else f"±{_value(channel.offset_tolerance, channel.unit)}"
    return " ".join(part for part in (gain, offset) if part)


def _energy_sentence(channels: Sequence[Channel], compute: str) -> str:
    order = ", ".join(ENERGY_ORDER[compute])
    chosen = energy_channels(channels, compute)
    if not chosen:
        return f"energy of a step on {compute}: none; no channel covers any of {order}."
    text = (
        f"energy of a step on {compute}: {' + '.join(_names(chosen))} ({chosen[0].covers}), "
        f"the first of {order} that is metered"
    )
    checks = _names(cross_checks(channels, chosen))
    return f"{text}; {', '.join(checks)} must agree with it." if checks else f"{text}; nothing else checks it."


def _channels(reports: Sequence[SensorReport]) -> list[Channel]:
    return [channel for report in reports for channel in report.channels]


def _names(channels: Sequence[Channel]) -> list[str]:
    return [f"{channel.sensor}.{channel.name}" for channel in channels]


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    scale, shown = _SCALES.get(unit, (1.0, unit.replace("degC", "°C")))
    scaled = value * scale
    return f"{scaled:.0f} {shown}" if abs(scaled) >= _WITHOUT_A_POINT else f"{scaled:.4g} {shown}"
