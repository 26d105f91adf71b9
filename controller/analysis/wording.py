# ruff: noqa: RUF001, RUF002 - the signs that the field writes, in strings and in their examples
"""Estimates as people read them: '1.52× faster (1.44–1.61)', '−0.2 points (−1.1 to +0.7)'."""

from math import floor, log10

from controller.analysis.estimate import Estimate

MINUS = "−"
TIMES = "×"
MOST_DECIMALS = 3
MOST_DIGITS = 4
LARGEST_BOUND = 1000


def level(confidence: float) -> str:
    """How an interval is called: '95%', '98.75%'."""
    return f"{100 * confidence:.4g}%"


def with_interval(estimate: Estimate, scale: float = 1.0) -> str:
    """Value and interval in the unit that scale divides by: '12.3 (11.9–12.8)'; only the value if there is none."""
    value = estimate.value / scale
    if estimate.low is None or estimate.high is None:
        return plain(value, significant_decimals(value))
    low, high = estimate.low / scale, estimate.high / scale
    digits = interval_decimals(value, low, high)
    between = "–" if low >= 0 else " to "
    return f"{plain(value, digits)} ({plain(low, digits)}{between}{plain(high, digits)})"


def plus_minus(value: float, error: float, scale: float = 1.0, unit: str = "") -> str:
    """'12.4 ± 0.3 J': the error to one digit, to two if it starts with 1 or 2."""
    value, error = value / scale, error / scale
    digits = interval_decimals(value, value - error, value + error)
    return f"{plain(value, digits)} ± {plain(error, digits)} {unit}".rstrip()


def speed_up(estimate: Estimate) -> str:
    """How much faster or slower: '1.52× faster (1.44–1.61)'; below 1 the numbers are turned round."""
    value, low, high = estimate.value, estimate.low, estimate.high
    word = "faster" if value >= 1 else "slower"
    if value < 1:
        value, low, high = 1 / value, high and 1 / high, low and 1 / low
    if low is None or high is None:
        return _times(value, significant_decimals(value), word)
    digits = _telling(max(interval_decimals(value, low, high), 1), low, high, 1.0)
    return f"{_times(value, digits, word)} ({_bounds(low, high, digits)})"


def _times(value: float, digits: int, word: str) -> str:
    """'1.52× faster'; a value that rounds to one is neither faster nor slower."""
    text = plain(value, digits)
    return f"{text}{TIMES}" if float(text) == 1 else f"{text}{TIMES} {word}"


def ratio(estimate: Estimate) -> str:
    """Variant over baseline: '0.31×', '0.72× (0.70–0.75)'."""
    if estimate.low is None or estimate.high is None:
        return f"{plain(estimate.value, significant_decimals(estimate.value))}{TIMES}"
    low, high = estimate.low, estimate.high
    digits = _telling(max(interval_decimals(estimate.value, low, high), 1), low, high, 1.0)
    return f"{plain(estimate.value, digits)}{TIMES} ({_bounds(low, high, digits)})"


def difference(estimate: Estimate, scale: float = 1.0, unit: str = "") -> str:
    """Signed: '−0.2 points (−1.1 to +0.7)'."""
    space = " " if unit else ""
    value = estimate.value / scale
    if estimate.low is None or estimate.high is None:
        return f"{signed(value, significant_decimals(value))}{space}{unit}"
    low, high = estimate.low / scale, estimate.high / scale
    digits = _telling(interval_decimals(value, low, high), low, high, 0.0)
    return f"{signed(value, digits)}{space}{unit} ({signed(low, digits)} to {signed(high, digits)})"


def _bounds(low: float, high: float, digits: int) -> str:
    """'1.44–1.61'; bounds of a ratio so wide that their digits mean nothing are given as '<0.1 to >1000'."""
    smallest = 10.0**-digits
    below, above = low < smallest / 2, high > LARGEST_BOUND
    left = f"<{plain(smallest, digits)}" if below else plain(low, digits)
    right = f">{LARGEST_BOUND}" if above else plain(high, digits)
    return f"{left}{' to ' if below or above else '–'}{right}"


def _telling(digits: int, low: float, high: float, neutral: float) -> int:
    """Enough decimals that rounding does not move a bound onto the neutral value that the interval excludes."""
    if low <= neutral <= high:
        return digits
    return next(
        (d for d in range(digits, MOST_DECIMALS) if neutral not in (round(low, d), round(high, d))), MOST_DECIMALS
    )


def interval_decimals(value: float, low: float, high: float) -> int:
    """Decimals that show the interval's half width to one digit, to two if it starts with 1 or 2.

    With one digit only, a half width of 1.4 would be rounded by up to a third. Three decimals and four
    digits of the value at most: more are not read.
    """
    half = (high - low) / 2
    wanted = -floor(log10(half / 3)) if half > 0 else MOST_DECIMALS
    whole_digits = floor(log10(abs(value))) + 1 if value else 0
    return _clamp(min(wanted, MOST_DIGITS - whole_digits))


def significant_decimals(value: float) -> int:
    """Decimals that show three significant digits, three decimals at most."""
    return _clamp(2 - floor(log10(abs(value)))) if value else 0


def plain(value: float, decimals: int) -> str:
    """A number with a real minus sign, and never '−0'."""
    text = f"{abs(value):.{decimals}f}"
    return MINUS + text if value < 0 and float(text) else text


def signed(value: float, decimals: int) -> str:
    """A number with its sign always shown, but for zero."""
    text = plain(value, decimals)
    return text if text.startswith(MINUS) or not float(text) else "+" + text


def _clamp(decimals: int) -> int:
    return min(max(decimals, 0), MOST_DECIMALS)
