"""Energy by part of a step from ten readings a second: known powers are found again, at the stated rate."""

import numpy as np
import pytest

from controller.analysis.phase_energy import part_energies
from gradfilter.bench.schema import Channel, Phase, Series, Step
from tests.controller.records import finished, training_job

JOB = training_job()
WATTS = {"data": 3.0, "forward": 6.0, "backward": 8.0, "optimizer": 4.0, "other": 3.0}
STEPS = 120
GAUGE = {"kind": "gauge", "averaging_s": 0.0}


def run_of(seed, seconds=(0.02, 0.1, 0.2, 0.03, 0.01), kind="gauge", averaging_s=0.0, noise=0.5):
    """A run with known powers of its parts (data, forward, backward, optimizer, other), and the joules of each."""
    random = np.random.default_rng(seed)
    lengths = np.array(seconds) * (1 + 0.05 * random.standard_normal((STEPS, 5)))
    marks = 105.0 + np.concatenate(([0.0], np.cumsum(lengths)))
    joules = np.concatenate(([0.0], np.cumsum(lengths * list(WATTS.values()))))

    def total(instants):
        outside = np.minimum(instants - marks[0], 0) + np.maximum(instants - marks[-1], 0)
        return np.interp(instants, marks, joules) + 3.0 * outside

    times = 103.0 + np.cumsum(0.1 * random.uniform(0.9, 1.1, int((marks[-1] - 102) / 0.1)))
    if kind == "counter":
        values = total(times) + 0.01 * random.standard_normal(times.size)
        channel = Channel("package-0", "rapl", "energy", "J", kind="counter", covers="package")
    else:
        over_s = max(averaging_s or 0.0, 1e-6)
        values = (total(times) - total(times - over_s)) / over_s + noise * random.standard_normal(times.size)
        channel = Channel("VDD_IN", "ina", "power", "W", covers="board_input", averaging_s=averaging_s)
    steps = [
        Step(i, "measured", float(marks[5 * i + 1]), *map(float, parts[1:4]), data_s=float(parts[0]))
        for i, parts in enumerate(lengths)
    ]
    series = Series(channel, list(times), list(values))
    phases = [Phase("measured", float(marks[0]), float(marks[-1]))]
    record = finished(JOB, "baseline", 1, steps=steps, series=[series], phases=phases)
    return record, dict(zip(WATTS, lengths.sum(axis=0) * list(WATTS.values()) / STEPS, strict=True))


def found_in(record, **limit):
    return part_energies(record, record.series, STEPS, **limit)


@pytest.mark.parametrize("way", [GAUGE, {"kind": "gauge", "averaging_s": 0.05}, {"kind": "counter"}])
def test_the_interval_covers_at_its_stated_rate(way):
    """In 200 simulated runs a 95 % interval of forward and backward holds the truth in 90.5 % of them or more.

    That is three standard errors of 200 draws below 95 %; no interval is refused as too wide, since that would
    keep the narrow ones only.
    """
    hits = {"forward": 0, "backward": 0}
    for seed in range(200):
        record, truth = run_of(seed, **way)
        parts = found_in(record, widest=float("inf")).parts
        for part in hits:
            hits[part] += parts[part].low <= truth[part] <= parts[part].high
    assert {} == {part: count for part, count in hits.items() if count < 181}


def test_known_powers_are_found_again():
    """Forward, backward and optimizer of a quiet gauge within 5 %."""
    record, truth = run_of(3, noise=0.05)
    parts = found_in(record).parts
    assert {part: pytest.approx(truth[part], rel=0.05) for part in ("forward", "backward", "optimizer")} == {
        part: parts[part].joules for part in ("forward", "backward", "optimizer")
    }


def test_a_part_that_the_readings_cannot_tell_is_refused():
    """A noisy gauge carries the long backward pass and not the short optimizer."""
    parts = found_in(run_of(1, noise=2.0)[0]).parts
    assert parts["backward"].joules is not None
    assert (None, True) == (parts["optimizer"].joules, "at most 25% is allowed" in parts["optimizer"].reason)


@pytest.mark.parametrize(
    ("averaging_s", "reason"), [(None, "does not say over how long it averages"), (1.0, "averages or waits for longer")]
)
def test_an_averaging_that_is_unknown_or_longer_than_a_step_is_refused(averaging_s, reason):
    """A gauge that blurs whole steps says nothing of their parts, and no interval is pretended."""
    assert {True} == {reason in part.reason for part in found_in(run_of(1, averaging_s=averaging_s)[0]).parts.values()}


def test_readings_that_see_all_parts_alike_are_told_by_the_condition():
    """Apart, every reading is on one part: 1; a counter over whole steps mixes them all."""
    apart, mixed = (found_in(run_of(1, **way)[0]).condition for way in (GAUGE, {"kind": "counter"}))
    assert 1.0 == pytest.approx(apart)
    assert mixed > 5


def test_a_part_that_took_no_time_has_no_energy():
    """Layers without an optimizer have none of it, not zero joules."""
    parts = found_in(run_of(1, seconds=(0.0, 0.1, 0.2, 0.0, 0.0))[0]).parts
    assert (None, "it took no time") == (parts["optimizer"].joules, parts["optimizer"].reason)
