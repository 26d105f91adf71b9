"""Energy against closed forms, and the readings that are refused."""

import math
from dataclasses import replace

import pytest

from controller.analysis.energy import EnergyRefusedError, check_readings, joules_between
from controller.analysis.metering import measured_energy, meters
from gradfilter.bench.schema import Channel, Phase, SamplerReport, SensorReport, Series
from tests.controller.records import finished, power, training_job

JOB = training_job()
SAMPLER = SamplerReport(period_s=0.1, readings=550, cpu_s=0.2, worst_gap_s=0.12)


def gauge(times, values):
    return Series(Channel("VDD_IN", "ina", "power", "W", covers="board_input"), list(times), list(values))


def counter(times, values, name="package-0"):
    channel = Channel(name, "rapl", "energy", "J", kind="counter", covers="package")
    return Series(channel, list(times), list(values))


def run_with(*series, **changes):
    return finished(JOB, "baseline", 1, series=list(series), **changes)


class TestJoulesBetween:
    def test_a_ramp_is_a_trapezoid(self):
        """Power that rises from 2 W to 6 W over 4 s is 16 J, whatever the spacing of the readings."""
        assert 16.0 == pytest.approx(joules_between(gauge([0, 0.5, 3, 4], [2, 2.5, 5, 6]), 0.0, 4.0))

    def test_edges_between_readings_are_interpolated(self):
        """From 0.5 s to 1.5 s of a ramp of 1 W/s the mean power is 1 W."""
        assert 1.0 == pytest.approx(joules_between(gauge([0, 1, 2], [0, 1, 2]), 0.5, 1.5))

    def test_a_step_counts_its_rise_as_a_trapezoid(self):
        """5 W until 1 s, 10 W from 2 s, linear between: 5 + 7.5 + 10 joules in 3 s."""
        assert 22.5 == pytest.approx(joules_between(gauge([0, 1, 2, 3], [5, 5, 10, 10]), 0.0, 3.0))

    def test_a_sine_over_whole_periods_is_its_mean(self):
        """A sine around 5 W, read often, gives 5 W times the duration."""
        times = [i / 100 for i in range(1001)]
        series = gauge(times, [5 + math.sin(2 * math.pi * t) for t in times])
        assert 35.0 == pytest.approx(joules_between(series, 2.0, 9.0), rel=1e-6)

    def test_a_counter_is_subtracted_with_its_edges_interpolated(self):
        """A counter that grows by 3 J/s has grown by 3 J between 0.25 s and 1.25 s."""
        assert 3.0 == pytest.approx(joules_between(counter([0, 1, 2], [100, 103, 106]), 0.25, 1.25))

    def test_missing_readings_are_left_out(self):
        """A reading that is None or not finite is no reading: the line goes from its neighbour to its neighbour."""
        series = gauge([0, 1, 2, 3, 4], [2, None, 4, math.nan, 6])
        assert 16.0 == pytest.approx(joules_between(series, 0.0, 4.0))

    @pytest.mark.parametrize("window", [(-0.1, 1.0), (0.5, 2.1)])
    def test_readings_that_do_not_reach_are_refused(self, window):
        """Power before the first or after the last reading is not known."""
        with pytest.raises(EnergyRefusedError, match="do not reach"):
            joules_between(gauge([0, 1, 2], [1, 2, 3]), *window)


class TestCheckReadings:
    def test_even_readings_pass(self):
        """Readings of a changing power, one a period, are accepted."""
        check_readings(power(lambda t: 5 + math.sin(t)), [(105.0, 145.0)], 0.1)

    @pytest.mark.parametrize(("readings", "accepted"), [(30, True), (29, False)])
    def test_thirty_distinct_readings_are_needed(self, readings, accepted):
        """29 changes of the value cannot carry an energy, 30 can."""
        series = gauge([i / 10 for i in range(readings)], [5 + i % 7 for i in range(readings)])
        if accepted:
            check_readings(series, [(0.0, readings / 10)], 0.1)
        else:
            with pytest.raises(EnergyRefusedError, match="29 distinct readings"):
                check_readings(series, [(0.0, readings / 10)], 0.1)

    def test_a_slow_sensor_read_often_has_few_distinct_readings(self):
        """A value that changes once in ten reads counts once in ten reads."""
        series = gauge([i / 10 for i in range(200)], [float(i // 10) for i in range(200)])
        with pytest.raises(EnergyRefusedError, match="20 distinct readings"):
            check_readings(series, [(0.0, 20.0)], 0.1)

    @pytest.mark.parametrize(("gap_s", "accepted"), [(1.9, True), (2.2, False)])
    def test_gaps_may_take_five_hundredths_of_the_window(self, gap_s, accepted):
        """In a window of 40 s, a hole of 1.9 s passes and one of 2.2 s does not."""
        whole = power(lambda t: 5 + math.sin(t))
        kept = [(t, v) for t, v in zip(whole.times_s, whole.values, strict=True) if not 120 < t < 120 + gap_s - 0.05]
        series = gauge(*zip(*kept, strict=True))
        if accepted:
            check_readings(series, [(105.0, 145.0)], 0.1)
        else:
            with pytest.raises(EnergyRefusedError, match="6% of the window without a reading"):
                check_readings(series, [(105.0, 145.0)], 0.1)

    def test_a_frozen_reading_is_no_reading(self):
        """A sensor that repeats one value for 5 of 40 s is refused."""
        frozen = power(lambda t: 5 + math.sin(min(t, 125.0) if t < 130 else t))
        with pytest.raises(EnergyRefusedError, match="frozen"):
            check_readings(frozen, [(105.0, 145.0)], 0.1)

    def test_a_counter_must_not_run_backwards(self):
        """A reset of the counter inside the window is an error, not negative energy."""
        times = [i / 10 for i in range(100)]
        with pytest.raises(EnergyRefusedError, match="backwards"):
            check_readings(counter(times, [t if t < 5 else t - 5 for t in times]), [(0.0, 9.9)], 0.1)

    def test_negative_power_is_an_error(self):
        """A board does not give power back."""
        with pytest.raises(EnergyRefusedError, match="negative"):
            check_readings(power(lambda t: 5 + 6 * math.sin(t)), [(105.0, 145.0)], 0.1)


class TestChoice:
    def test_the_widest_coverage_is_used(self):
        """The board's input counts more than its package, whichever is listed first."""
        package = counter([90.0 + i for i in range(60)], range(60))
        board = power(lambda t: 5 + math.sin(t))
        assert [[board], [package]] == list(meters(run_with(package, board)))

    def test_packages_add_up(self):
        """Two processor packages are two meters of two things."""
        times = [95 + i / 10 for i in range(551)]
        packages = [counter(times, [2 * t for t in times], name=f"package-{i}") for i in range(2)]
        energy = measured_energy(run_with(*packages))
        assert (160.0, "package (rapl: package-0 + package-1)") == (pytest.approx(energy.joules), energy.source)

    def test_a_single_rail_is_no_energy_of_a_step(self):
        """A board that meters only one rail has no energy, and the reason says so."""
        energy = measured_energy(run_with(power(lambda t: 5 + math.sin(t), covers="rail", name="VDD_CPU")))
        assert (None, True) == (energy.joules, "single rails" in energy.reason)

    def test_a_gpu_meter_says_nothing_of_training_on_the_cpu(self):
        """The GPU's own meter is not taken for a run on the CPU, and is taken for one on the GPU."""
        meter = power(lambda t: 5 + math.sin(t), covers="gpu")
        on_gpu = training_job(workload=replace(JOB.workload, compute="cuda"))
        assert [] == list(meters(run_with(meter)))
        assert [[meter]] == list(meters(finished(on_gpu, "baseline", 1, series=[meter])))


class TestMeasuredEnergy:
    def test_the_measured_phase_is_what_counts(self):
        """A gauge around 5 W over the 40 s of the measured phase gives 200 J, and says what it covers."""
        energy = measured_energy(run_with(power(lambda t: 5 + math.sin(2 * math.pi * t))))
        assert (200.0, "board_input (ina: VDD_IN)", "") == (
            pytest.approx(energy.joules, rel=1e-3),
            energy.source,
            energy.reason,
        )

    def test_no_sensor_gives_every_candidates_reason(self):
        """Without a meter the reason names the sensors that could have been one, and no thermometer."""
        absent = [
            SensorReport("rapl", present=False, reason="energy_uj is readable by root only.", quantities=["energy"]),
            SensorReport("thermal", present=False, reason="no zone.", quantities=["temperature"]),
            SensorReport("ina", present=False, reason="no INA3221 on any bus."),
        ]
        energy = measured_energy(run_with(sensors=absent))
        assert "no power sensor: rapl: energy_uj is readable by root only; ina: no INA3221 on any bus" == energy.reason

    def test_a_run_that_did_not_reach_the_measured_phase_has_none(self):
        """Readings that belong to no measured phase are not used."""
        energy = measured_energy(run_with(power(lambda t: 5 + math.sin(t)), phases=[]))
        assert (None, True) == (energy.joules, "not completed" in energy.reason)

    def test_several_measured_phases_add_up_without_what_lies_between(self):
        """20 phases of 0.96 s at about 5 W are 96 J, although the board takes 50 W in the second after each."""

        def watts(time_s):
            return 5 + math.sin(2 * math.pi * time_s) if int(time_s) % 2 else 50.0

        starts = [(name, 105.02 + 2 * i + later) for i in range(20) for name, later in (("measured", 0), ("data", 1))]
        phases = [Phase(name, start, start + 0.96) for name, start in starts]
        series = power(watts, period_s=0.01)
        energy = measured_energy(run_with(series, phases=phases, sampler=replace(SAMPLER, period_s=0.01)))
        assert (pytest.approx(96.0, rel=1e-3), "") == (energy.joules, energy.reason)

    def test_phases_as_short_as_the_sampling_are_refused(self):
        """Phases of 0.4 s, read every 0.1 s, are mostly edges: what lies outside would be counted as well."""
        phases = [Phase("measured", 105.0 + i, 105.4 + i) for i in range(30)]
        reason = measured_energy(run_with(power(lambda t: 5 + math.sin(t)), phases=phases)).reason
        assert "the 30 windows last 0.4 s on average, too short for a sensor with a value every 0.1 s" in reason

    def test_phases_with_little_between_them_may_be_short(self):
        """A sensor that is slower than the phases sees their power all the same, where next to nothing lies between."""
        phases = [Phase("measured", 105.0 + i, 105.96 + i) for i in range(39)]
        series = power(lambda t: 5 + math.sin(t), period_s=0.5)
        energy = measured_energy(run_with(series, phases=phases, sampler=replace(SAMPLER, period_s=0.5)))
        assert (pytest.approx(39 * 0.96 * 5, rel=0.01), "") == (energy.joules, energy.reason)

    def test_a_reading_frozen_across_phases_is_counted_once(self):
        """A sensor that never changes has one distinct reading, however many phases there are."""
        phases = [Phase("measured", 105.0 + i, 105.9 + i) for i in range(39)]
        assert "1 distinct readings" in measured_energy(run_with(power(lambda t: 5.0), phases=phases)).reason

    def test_a_refusal_names_the_sensor(self):
        """The reason says which sensor's readings could not carry the number."""
        reason = measured_energy(run_with(power(lambda t: 5 + math.sin(t), period_s=2.0))).reason
        assert reason.startswith("sensor ina, VDD_IN: 21 distinct readings")
