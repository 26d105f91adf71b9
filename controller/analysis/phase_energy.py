"""Energy of the parts of a step, modelled: no sensor is fast enough to measure a forward pass by itself.

Every reading is a mean of the power over a stretch that is known (a counter's over the time between two readings),
and of that stretch it is known which share was forward, backward, optimizer and data. Least squares over all readings
of a run give each part's power, and with the part's own time its energy. Readings of longer stretches weigh more.
Powers are not forced to be positive: that would hide that the readings cannot tell the parts apart.

The interval comes from resampling blocks of neighbouring readings, since neighbours are not independent. A part is
refused where its interval is wider than a quarter of it. A gauge must say over how long it averages, and that must be
shorter than a step; a filter with a tail is taken for a plain mean over the same time.
Source: for reconstruction from slow samples, Lang and Rünger, Euro-Par 2013; for blocks, Künsch, Annals of Statistics
17 (1989).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from scipy.special import stdtrit

from controller.analysis.readings import Array, readings
from controller.analysis.shares import PARTS, intervals_by_part, shares_by_part, stretches, stretches_read
from gradfilter.bench.schema import RunRecord, Series

CONFIDENCE = 0.95
WIDEST_INTERVAL = 0.25
_FEWEST_BLOCKS = 10
_SHORTEST_BLOCK = 10  # readings
_STEPS_A_BLOCK = 2
_RESAMPLES = 500
_FEWEST_READINGS_OF_A_PART = 5.0  # so many readings' worth of it, or nothing is known of its power


@dataclass(frozen=True)
class PartEnergy:
    """Joules a step of one part with the interval of this run, or None and the reason."""

    joules: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class PartEnergies:
    """All parts by name; from how many readings; condition: of the equations, large where parts are not told apart."""

    parts: dict[str, PartEnergy]
    readings: int = 0
    condition: float | None = None


@dataclass(frozen=True)
class _Equations:
    """shares · power = watts, one row a reading, weighted."""

    shares: Array
    watts: Array
    weights: Array


def part_energies(
    record: RunRecord, meter: Sequence[Series], steps: int, widest: float = WIDEST_INTERVAL
) -> PartEnergies:
    """Energy a step of forward, backward, optimizer and data, by the channels that metered the run.

    widest: the interval that is still stated, relative to the value.
    """
    reason = _why_not(record, meter, steps)
    if reason:
        return _refused(reason)
    equations = _equations(record, meter)
    count = equations.watts.size
    block = max(_SHORTEST_BLOCK, ceil(_STEPS_A_BLOCK * _step_s(record) / _spacing_s(meter[0])))
    blocks = count // block
    if blocks < _FEWEST_BLOCKS:
        return _refused(f"{count} readings are {blocks} blocks of {block}, at least {_FEWEST_BLOCKS} are needed")
    watts, errors = _fit(equations, block)
    times = {part: sum(end - start for start, end in found) for part, found in intervals_by_part(record).items()}
    worth = equations.shares.sum(axis=0)
    # Each fitted power takes a degree of freedom from the blocks.
    free = blocks - int(np.count_nonzero(worth))
    level = float(stdtrit(free, (1 + CONFIDENCE) / 2)) * sqrt(blocks / free)
    parts = {
        part: _judged(times[part] / steps, float(watts[i]), level * float(errors[i]), float(worth[i]), widest)
        for i, part in enumerate(PARTS[:-1])
    }
    return PartEnergies(parts, count, _condition(equations))


def _judged(seconds: float, watts: float, half_width: float, worth: float, widest: float) -> PartEnergy:
    if seconds <= 0:
        return PartEnergy(None, reason="it took no time")
    if worth < _FEWEST_READINGS_OF_A_PART:
        return PartEnergy(None, reason=f"only {worth:.2g} readings' worth of time fell on it")
    if watts <= 0 or 2 * half_width > widest * watts:
        width = f"{2 * half_width / watts:.0%} of it wide" if watts > 0 else "not above zero"
        return PartEnergy(None, reason=f"its interval is {width}, at most {widest:.0%} is allowed")
    return PartEnergy(seconds * watts, seconds * (watts - half_width), seconds * (watts + half_width))


def _why_not(record: RunRecord, meter: Sequence[Series], steps: int) -> str:
    first = meter[0]
    if not steps or not _step_s(record):
        return "no measured step was recorded"
    if any(readings(series)[0].tolist() != readings(first)[0].tolist() for series in meter):
        return "its channels were not read at the same instants"
    if first.channel.kind == "counter":
        return ""
    averaging_s = first.channel.averaging_s
    if averaging_s is None:
        return f"the sensor {first.channel.sensor} does not say over how long it averages"
    if max(averaging_s, first.channel.update_s or 0.0) > _step_s(record):
        return (
            f"the sensor {first.channel.sensor} averages or waits for longer than the {_step_s(record):.3g} s of a step"
        )
    return ""


def _equations(record: RunRecord, meter: Sequence[Series]) -> _Equations:
    """Of all readings whose stretch lies within the measured phases or the data made ready for them."""
    starts, ends, watts = stretches_read(record, meter)
    whole = np.zeros(starts.shape, dtype=bool)
    for start_s, end_s in stretches(record):
        whole |= (starts >= start_s) & (ends <= end_s)
    starts, ends, watts = starts[whole], ends[whole], watts[whole]
    weights = ends - starts if meter[0].channel.kind == "counter" else np.ones_like(starts)
    return _Equations(shares_by_part(record, starts, ends), watts, weights)


def _fit(equations: _Equations, block: int) -> tuple[Array, Array]:
    """Power of each part, and the spread of it over resampled blocks."""
    weighted = equations.shares * equations.weights[:, None]
    squares = np.einsum("ni,nj->nij", weighted, equations.shares)
    products = weighted * equations.watts[:, None]
    starts = np.arange(0, equations.watts.size, block)
    squares, products = np.add.reduceat(squares, starts), np.add.reduceat(products, starts)
    draws = np.random.default_rng(0).multinomial(len(starts), np.full(len(starts), 1 / len(starts)), _RESAMPLES)
    drawn = np.linalg.pinv(np.tensordot(draws, squares, 1)) @ np.tensordot(draws, products, 1)[:, :, None]
    watts = np.linalg.pinv(squares.sum(axis=0)) @ products.sum(axis=0)
    return watts, drawn[:, :, 0].std(axis=0, ddof=1)


def _condition(equations: _Equations) -> float | None:
    """Of the parts that occur, each column at length one."""
    rows = equations.shares * np.sqrt(equations.weights)[:, None]
    lengths = np.linalg.norm(rows, axis=0)
    rows = rows[:, lengths > 0] / lengths[lengths > 0]
    return float(np.linalg.cond(rows)) if rows.size else None


def _step_s(record: RunRecord) -> float:
    """The middle of the measured steps' lengths, data included."""
    lengths = [s.data_s + s.forward_s + s.backward_s + s.optimizer_s for s in record.steps if s.phase == "measured"]
    return float(np.median(lengths)) if lengths else 0.0


def _spacing_s(series: Series) -> float:
    return float(np.median(np.diff(readings(series)[0])))


def _refused(reason: str) -> PartEnergies:
    return PartEnergies({part: PartEnergy(None, reason=reason) for part in PARTS[:-1]})
