"""INA power monitors: found wherever drivers put them, read in watts, with what their datasheets promise."""

import pytest

from agent.sensors.ina import Ina
from agent.sensors.sensor import Absent
from agent.sensors.surroundings import Surroundings

SUM = "VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0"
AGX = "sys/bus/i2c/devices/1-0040/hwmon/hwmon4"


@pytest.fixture
def detect(board):
    return lambda name: Ina.detect(Surroundings(board(name)))


def named(sensor):
    """Channel name → reading."""
    return dict(zip([channel.name for channel in sensor.channels], sensor.read(), strict=True))


def channels(sensor):
    return {channel.name: channel for channel in sensor.channels}


def test_orin_module_power_is_volts_times_amperes(detect):
    """The INA3221 gives mV and mA; rails are known by their labels, and unconnected ones are left out."""
    ina = detect("jetson-orin-nano")
    assert pytest.approx({"VDD_IN": 6.0, "VDD_CPU_GPU_CV": 1.24}) == named(ina)
    assert [("module", "total"), ("rail", "rail")] == [(c.covers, c.role) for c in ina.channels]


def test_nano_with_jetpack_4_goes_through_iio(detect):
    """The older driver multiplies; the input is the board's, and what it feeds is never added to it."""
    ina = detect("jetson-nano")
    assert pytest.approx({"POM_5V_IN": 2.596, "POM_5V_GPU": 0.121, "POM_5V_CPU": 0.852}) == named(ina)
    about = [(c.covers, c.role) for c in ina.channels]
    assert [("board_input", "total"), ("gpu", "rail"), ("cpu", "rail")] == about


def test_iio_without_a_power_file_multiplies(board):
    """Where the driver offers only volts and amperes, their product is the power."""
    root = board("jetson-nano")
    for file in root.glob("sys/bus/i2c/drivers/*/*/iio:device0/in_power0_input"):
        file.unlink()
    assert pytest.approx(5.072 * 0.512) == named(Ina.detect(Surroundings(root)))["POM_5V_IN"]


def test_two_chips_nested_one_level_deeper(detect):
    """An AGX Orin has two chips, found below the bus; four rails of six are connected, and none is a total."""
    rails = {"VDD_GPU_SOC": 3.57984, "VDD_CPU_CV": 0.79616, "VIN_SYS_5V0": 3.0192, "VDDQ_VDD2_1V8AO": 0.60384}
    *found, total = detect("jetson-agx-orin").channels
    assert pytest.approx({**rails, SUM: 7.3952}) == named(detect("jetson-agx-orin"))
    assert {("rail", "rail")} == {(c.covers, c.role) for c in found}
    assert (SUM, "rails", "total") == (total.name, total.covers, total.role)


def test_sum_of_rails_declares_what_its_parts_do(detect):
    """Steps of 20 mA at 20, 20 and 5 V add as squares, offsets of 40 mA as they are; the worst gain holds for all."""
    ina = detect("jetson-agx-orin")
    total, rails = channels(ina)[SUM], [channels(ina)[name] for name in SUM.split(" + ")]
    assert pytest.approx(0.020 * (19.888**2 + 19.904**2 + 5.032**2) ** 0.5) == total.resolution
    assert pytest.approx(0.040 * (19.888 + 19.904 + 5.032)) == total.offset_tolerance
    assert max(rail.gain_tolerance for rail in rails) == total.gain_tolerance
    assert (0.105, 0.105 / 16) == pytest.approx((total.averaging_s, total.update_s))


def test_sum_with_a_rail_missing_is_no_reading(board):
    """A sum that left a rail out would dip; what is known of the others stays."""
    root = board("jetson-agx-orin")
    ina = Ina.detect(Surroundings(root))
    (root / AGX / "curr2_input").unlink()
    assert (None, None, 3.0192) == tuple(named(ina)[name] for name in (SUM, "VDD_CPU_CV", "VIN_SYS_5V0"))


def test_sum_of_rails_says_what_it_leaves_out(detect):
    """Its user is told to compare on this board alone; a board that meters its input has no sum."""
    assert f"{SUM} leaves out its carrier board" in detect("jetson-agx-orin").advice
    assert "" == detect("jetson-orin-nano").advice


def test_chip_seen_by_two_ways_is_one_chip(board):
    """/sys/class/hwmon links to the folder that lies below the bus."""
    root = board("jetson-agx-orin")
    (root / "sys/class/hwmon/hwmon4").symlink_to(root / AGX)
    assert 4 + 1 == len(Ina.detect(Surroundings(root)).channels)


def test_ina3221_declares_steps_and_errors_of_its_datasheet(detect):
    """40 µV over 2 mΩ is 20 mA; offset 80 µV is 40 mA; both gains, the bus offset and the shunt's 1 % add up."""
    rail = channels(detect("jetson-agx-orin"))["VIN_SYS_5V0"]
    assert pytest.approx(0.020 * 5.032) == rail.resolution
    assert pytest.approx(0.040 * 5.032) == rail.offset_tolerance
    assert pytest.approx(0.005 + 0.016 / 5.032 + 0.01) == rail.gain_tolerance


def test_running_average_is_slower_than_its_updates(detect):
    """Sixteen samples in 105 ms: the filter looks back that far and moves every sixteenth of it."""
    rail = channels(detect("jetson-agx-orin"))["VDD_GPU_SOC"]
    assert pytest.approx((0.105, 0.105 / 16)) == (rail.averaging_s, rail.update_s)


def test_unknown_shunt_leaves_the_step_of_the_numbers(detect):
    """Without a node that tells the shunt, the step is the driver's milliampere, and the offset is not known."""
    rail = channels(detect("jetson-orin-nano"))["VDD_IN"]
    assert pytest.approx(5.0 * 1e-3) == rail.resolution
    assert (None, None, None) == (rail.offset_tolerance, rail.averaging_s, rail.update_s)


def test_ina226_gives_microwatts(detect):
    """A breakout in the supply line is a rail: only its owner knows which one. Its power register has coarse steps."""
    ina = detect("raspberry-pi-5")
    assert pytest.approx({"ina226": 4.145}) == named(ina)
    [channel] = ina.channels
    assert ("rail", "", 0.035) == (channel.covers, channel.role, pytest.approx(channel.update_s))
    assert pytest.approx(25 * 2.5e-6 / 0.015) == channel.resolution


def test_ina228_counts_energy_itself(board):
    """A counter in the chip misses nothing between two readings; it starts at zero joules."""
    root = board("raspberry-pi-4")
    ina = Ina.detect(Surroundings(root))
    first = named(ina)
    (root / "sys/class/hwmon/hwmon2/energy1_input").write_text("998001250\n")
    assert {"ina228": 3.57, "ina228.energy": 0.0} == first
    assert pytest.approx({"ina228": 3.57, "ina228.energy": 1.25e-3}) == named(ina)
    assert ("energy", "J", "counter") == tuple(
        getattr(channels(ina)["ina228.energy"], field) for field in ("quantity", "unit", "kind")
    )


def test_owner_says_what_a_breakout_meters(board):
    """A breakout in the board's lead is the board's input once its owner says so, and its counter with it."""
    ina = Ina.detect(Surroundings(board("raspberry-pi-4"), rails={"ina228": "board_input"}))
    assert {("board_input", "total")} == {(c.covers, c.role) for c in ina.channels}
    assert "" == ina.advice


def test_owners_word_on_a_rail_that_is_not_here(board):
    """A misspelt rail is named, with those there are."""
    ina = Ina.detect(Surroundings(board("raspberry-pi-4"), rails={"ina226": "board_input"}))
    assert "GRADFILTER_AGENT_RAILS speaks of ina226, here are ina228." == ina.advice


def test_one_dead_rail_leaves_the_others(board):
    """A rail that answers with an error has no reading; the rail beside it has."""
    root = board("jetson-orin-nano")
    ina = Ina.detect(Surroundings(root))
    (root / "sys/class/hwmon/hwmon1/in2_input").unlink()
    assert {"VDD_IN": 6.0, "VDD_CPU_GPU_CV": None} == named(ina)


def test_rail_that_cannot_be_read_at_first_is_left_out(board):
    """A channel that answers with an I/O error from the start is skipped alone; a folder fails to open for root too."""
    root = board("jetson-agx-orin")
    (root / AGX / "curr2_input").unlink()
    (root / AGX / "curr2_input").mkdir()
    assert not {"VDD_CPU_CV", SUM} & named(Ina.detect(Surroundings(root))).keys()


def test_chip_that_has_gone_is_an_error(board):
    """When no rail answers any more the sensor says so instead of reading on."""
    root = board("jetson-orin-nano")
    ina = Ina.detect(Surroundings(root))
    for file in (root / "sys/class/hwmon/hwmon1").glob("*_input"):
        file.unlink()
    with pytest.raises(FileNotFoundError):
        ina.read()


def test_chip_that_may_not_be_read_says_what_to_do(board):
    """The sentence names a file and the remedy."""
    root = board("jetson-orin-nano")
    for file in list((root / "sys/class/hwmon/hwmon1").glob("*_input")):
        file.unlink()
        file.mkdir()
    found = Ina.detect(Surroundings(root))
    assert isinstance(found, Absent)
    assert "/sys/class/hwmon/hwmon1/in1_input cannot be read" in found.reason
    assert "udev" in found.reason
