"""Which channels are the energy of a step: one rule for the agent, which shows it, and the analysis."""

from gradfilter.bench.schema import Channel, cross_checks, energy_channels


def power(name, covers, sensor="ina", **declared):
    return Channel(name, sensor, "power", "W", covers=covers, **declared)


def energy(name, covers, sensor="rapl"):
    return Channel(name, sensor, "energy", "J", kind="counter", covers=covers)


def test_nearest_to_the_whole_board_wins():
    """A meter in the lead comes before the module's, the module's before the processor's; a rail is none."""
    lead, module = power("lead", "board_input"), power("VDD_IN", "module")
    package, rail = energy("package-0", "package"), power("VDD_SOC", "rail")
    assert [lead] == energy_channels([rail, package, module, lead], "cpu")
    assert [module] == energy_channels([rail, package, module], "cpu")
    assert [package] == energy_channels([rail, package], "cpu")
    assert [] == energy_channels([rail], "cpu")


def test_meter_of_the_other_processor_says_nothing():
    """Training on the CPU is not metered by the GPU's meter, nor the other way round."""
    cpu, gpu = energy("core", "cpu"), energy("gpu-0", "gpu", "nvml")
    assert [cpu] == energy_channels([cpu, gpu], "cpu")
    assert [gpu] == energy_channels([cpu, gpu], "cuda")


def test_packages_add_up_and_counters_come_first():
    """Two sockets are one machine; a counter misses nothing between two readings."""
    sockets = [energy("package-0", "package"), energy("package-1", "package")]
    assert sockets == energy_channels([power("package-0", "package", "other"), *sockets], "cpu")


def test_of_two_meters_of_the_same_thing_the_faster_is_taken():
    """The slower one is not added: it checks the faster."""
    slow = power("VDD_IN", "module", "jtop", update_s=0.5)
    fast = power("VDD_IN", "module", "ina", update_s=0.1)
    rail = power("VDD_SOC", "rail", "jtop")
    chosen = energy_channels([slow, rail, fast], "cuda")
    assert [fast] == chosen
    assert [slow] == cross_checks([slow, rail, fast], chosen)


def test_a_meter_without_a_pace_of_its_own_comes_first():
    """A monitor that takes a value whenever it is read is preferred to a service that does so twice a second."""
    direct, service = power("VDD_IN", "module", "ina"), power("VDD_IN", "module", "jtop", update_s=0.5)
    assert [direct] == energy_channels([service, direct], "cpu")


def test_what_is_no_meter_is_not_chosen():
    """A voltage or a temperature of the whole board is no energy."""
    assert [] == energy_channels([Channel("in", "ina", "voltage", "V", covers="board_input")], "cpu")
