"""Meters that publish by MQTT, with a real broker on loopback."""

import itertools
import json
import subprocess
import sys
import time

import pytest

from agent.sensors.meters.meter import Meter
from agent.sensors.sensor import Absent
from agent.sensors.surroundings import MeterSettings, Surroundings
from tests.agent.sensors.brokers import Broker, Publisher
from tests.agent.sensors.plugs import SECRET, Waveform, area
from tests.agent.service import wait_until

TOPIC = "allowed/plug/SENSOR"
PATHS = {"power_path": "ENERGY.Power", "energy_path": "ENERGY.Total", "energy_unit": "J"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    one = Broker(tmp_path_factory.mktemp("broker"))
    yield one
    one.close()


@pytest.fixture
def publish(broker):
    """Makes publishers that end with the test."""
    made = []
    yield lambda *arguments, **options: made.append(Publisher(broker, *arguments, **options)) or made[-1]
    for one in made:
        one.close()


@pytest.fixture
def found(broker):
    """What becomes of a meter on a topic of the broker; closed with the test."""
    made = []

    def find(topic=TOPIC, url="", **settings):
        one = MeterSettings("mqtt", url or broker.url(), "plug", topic=topic, **({"update_s": 0.1} | settings))
        made.append(Meter.detect(Surroundings(meters=(one,))))
        return made[-1]

    yield find
    for one in made:
        if not isinstance(one, Absent):
            one.close()


def present(meter):
    return None if isinstance(meter, Absent) else meter


def collect(meter, seconds):
    """What it has to say for so long."""
    readings, until_s = [], time.monotonic() + seconds
    while time.monotonic() < until_s:
        readings += meter.readings()
        time.sleep(0.02)
    return readings


def test_energy_of_a_known_waveform(publish, found):
    """Power and energy of one message, each at its arrival: the area and the count agree with the waveform, to 1 %."""
    wave = Waveform()
    publish(TOPIC, lambda: json.dumps({"ENERGY": {"Power": wave.power(time.monotonic()), "Total": wave.counted()}}))
    meter = found(**PATHS, covers="board_input")
    readings = collect(meter, 3.0)
    times, (watts, joules) = [one.at_s for one in readings], zip(*[one.values for one in readings], strict=True)
    energy = wave.energy(times[0], times[-1])
    assert pytest.approx(energy, rel=0.01) == area(times, watts)
    assert pytest.approx(energy, rel=0.01, abs=0.5) == joules[-1] - joules[0]
    assert ["board_input", "board_input"] == [channel.covers for channel in meter.channels]


def test_message_without_a_number_is_no_reading(publish, found):
    """A plain number is watts; what is none is a hole in the series, and a remark."""
    bodies = itertools.cycle(["5.5", "off"])
    publish(TOPIC, lambda: next(bodies))
    meter = wait_until("a meter that begins with a number", lambda: present(found()))
    assert {(5.5,), (None,)} == {tuple(one.values) for one in collect(meter, 1.0)}
    assert "the last with: its answer is no JSON; it begins with 'off'." in meter.remarks[0]


def test_latency_sets_the_instants_back(publish, found):
    """A value that is said to be late is counted at the instant it was true."""
    publish(TOPIC, lambda: "5")
    readings = collect(found(latency_s=100.0), 0.5)
    assert readings
    assert all(one.at_s < time.monotonic() - 100 for one in readings)


def test_kept_message_is_no_reading(publish, found):
    """What the broker kept from a meter that is gone is as if nothing had come."""
    publisher = publish(f"{TOPIC}/kept", lambda: "5", retain=True)
    wait_until("a message that the broker keeps", lambda: present(found(f"{TOPIC}/kept")))
    publisher.close()
    assert "nothing was published on allowed/plug/SENSOR/kept for 1.0 s" in found(f"{TOPIC}/kept").reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"topic": "allowed/nobody"}, "nothing was published on allowed/nobody for 1.0 s. Check the topic"),
        ({"topic": "denied/plug"}, "the broker refuses the subscription to denied/plug"),
        ({"login": f"nobody:{SECRET}"}, "the broker refuses the connection (Not authorized)"),
        ({"port": 9}, "it cannot be reached, or is no broker."),
    ],
)
def test_what_stands_in_the_way_is_said(broker, found, settings, words):
    """Why nothing comes is said in words, without the password."""
    url = broker.url(settings.get("login", f"board:{SECRET}")).replace(
        str(broker.port), str(settings.get("port", broker.port))
    )
    reason = found(settings.get("topic", TOPIC), url).reason
    assert words in reason
    assert SECRET not in reason


def test_meter_that_speaks_rarely_is_taken_at_its_word(found):
    """One that publishes every ten seconds is not waited for; that nothing has come yet is said."""
    meter = found("allowed/rarely", update_s=10.0)
    assert "nothing has come on allowed/rarely yet" in meter.advice
    assert [] == meter.readings()


def test_broker_that_comes_back(broker, publish, found):
    """The client connects anew by itself; the record says that there was a hole."""
    publish(TOPIC, lambda: "5")
    meter = found()
    broker.close()
    wait_until("the loss", lambda: meter.remarks)
    broker.start()
    collect(meter, 0.1)
    assert [5.0] == wait_until("a reading after the loss", meter.readings)[0].values
    assert ["the connection to the broker was lost, times: 1."] == meter.remarks


def test_without_the_client_it_says_what_to_install():
    """A Python without paho-mqtt has every other sensor, and this sentence."""
    code = (
        "from agent.sensors.meters.meter import Meter\n"
        "from agent.sensors.surroundings import MeterSettings, Surroundings\n"
        "print(Meter.detect(Surroundings(meters=(MeterSettings('mqtt', 'mqtt://h', 'plug', topic='t'),))).reason)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert f"paho-mqtt is not installed: {sys.executable} -m pip install paho-mqtt.\n" == done.stdout
