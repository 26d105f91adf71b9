"""Meters on the network, on loopback: what they answer, and what is said when they do not."""

import socket
import threading
from contextlib import closing

import pytest

from agent.errors import SensorFailed
from agent.sensors import detect_sensors
from agent.sensors.meters.answers import MeterError
from agent.sensors.meters.meter import Meter
from agent.sensors.sensor import Absent
from agent.sensors.surroundings import MeterSettings, Surroundings
from tests.agent.sensors.plugs import SECRET, Dribbles, Hangs, Says, ShellyPlugS, ShellyPlus, Tasmota


def found(kind, url, **settings):
    """What becomes of a meter that is described so."""
    return Meter.detect(Surroundings(meters=(MeterSettings(kind, url, "plug", **settings),)))


def declared(meter):
    """Channel name → quantity, kind and resolution."""
    return {channel.name: (channel.quantity, channel.kind, channel.resolution) for channel in meter.channels}


@pytest.fixture
def plug():
    """Makes plugs that close with the test."""
    made = []

    def make(kind, *arguments, **changes):
        made.append(kind(*arguments))
        for name, value in changes.items():
            setattr(made[-1], name, value)
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_without_a_description_there_is_no_meter():
    """Somebody whose board has no power sensor reads what could be done."""
    assert "GRADFILTER_AGENT_METERS" in Meter.detect(Surroundings()).reason


@pytest.mark.parametrize(
    ("kind", "resolutions"),
    [(ShellyPlugS, (0.01, 60.0)), (ShellyPlus, (0.1, 3.6)), (Tasmota, (0.01, 36.0))],
)
@pytest.mark.parametrize("login", ["", f"admin:{SECRET}"])
def test_known_meters_say_what_they_are(plug, kind, resolutions, login):
    """Power and an energy counter of what is in the wall socket, in steps of the last digit; a login or none."""
    server = plug(kind, login)
    meter = found("tasmota" if kind is Tasmota else "shelly", server.url(login), update_s=0.5)
    watts, joules = meter.read()
    power, energy = ("power", "gauge", resolutions[0]), ("energy", "counter", resolutions[1])
    assert {"plug": power, "plug.energy": energy} == declared(meter)
    assert {("wall", "total", 0.5)} == {(one.covers, one.role, one.update_s) for one in meter.channels}
    assert 9.9 < watts < 30.1
    assert 0 <= joules <= 2 * resolutions[1]


def test_shelly_that_only_meters(plug):
    """A PM Mini has no switch; its component is called pm1."""
    assert not isinstance(found("shelly", plug(ShellyPlus, component="pm1").url()), Absent)


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        (ShellyPlugS, {"valid": False}, "it says itself that its reading is not valid"),
        (ShellyPlus, {"component": "light"}, "no switch and no pm1 number 0; it has ble, light:0, sys"),
        (Tasmota, {"meters": False}, "it meters nothing, or is no Tasmota device"),
        (Tasmota, {"login": f"admin:{SECRET}", "warns_with": 200}, "wants another login"),
        (Tasmota, {"login": f"admin:{SECRET}"}, "wants a user and a password"),
        (ShellyPlus, {"login": f"admin:{SECRET}"}, "wants a user and a password"),
    ],
)
def test_known_meters_without_a_reading(plug, kind, changes, words):
    """What stands in the way is said in its own words."""
    reason = found("tasmota" if kind is Tasmota else "shelly", plug(kind, **changes).url()).reason
    assert words in reason
    assert reason.endswith(".")


@pytest.mark.parametrize("kind", [ShellyPlugS, ShellyPlus, Tasmota])
def test_wrong_password_is_refused_and_not_repeated(plug, kind):
    """The sentence says that the login is refused, and holds nothing of it."""
    server = plug(kind, "admin:right")
    reason = found("tasmota" if kind is Tasmota else "shelly", server.url(f"admin:{SECRET}")).reason
    assert "refuses the user and password" in reason
    assert SECRET not in reason


def test_own_meter_by_paths(plug):
    """Where the numbers stand and in which units is the owner's to say; a number in quotes is one."""
    server = plug(Says, {"data": [{"p": "12.5", "e": 2}]}, 200, (), f"me:{SECRET}")
    meter = found(
        "http",
        server.url(f"me:{SECRET}") + "/measure?id=3",
        power_path="data[0].p",
        energy_path="data[0].e",
        energy_unit="kWh",
        covers="board_input",
        resolution_w=0.1,
        gain_tolerance=0.01,
        offset_tolerance_w=0.2,
    )
    power, energy = meter.channels
    assert [12.5, 0.0] == meter.read()
    assert {"/measure?id=3"} == set(server.asked)
    assert ("board_input", 0.1, 0.01, 0.2) == (
        power.covers,
        power.resolution,
        power.gain_tolerance,
        power.offset_tolerance,
    )
    assert (None, 0.01, None) == (energy.resolution, energy.gain_tolerance, energy.offset_tolerance)


def test_plain_number_is_watts(plug):
    """Without a path the whole answer is the power."""
    assert [7.25] == found("http", plug(Says, b"7.25\n").url()).read()


@pytest.mark.parametrize(
    ("body", "status", "headers", "words"),
    [
        (b"<html>hello</html>", 200, {}, "its answer is no JSON; it begins with '<html>hello"),
        ({"power": 3, "wh": 1}, 200, {}, "has no 'watts' at the top; there are power, wh."),
        ([1, 2], 200, {}, "has no 'watts' at the top; there is a list of 2"),
        ({"watts": "much", "wh": 1}, 200, {}, "what stands at watts is no number: much"),
        ({"watts": True, "wh": 1}, 200, {}, "what stands at watts is no number: True"),
        (b'{"watts": NaN, "wh": 1}', 200, {}, "what stands at watts is no finite number"),
        (b'{"watts": 1e999999, "wh": 1}', 200, {}, "what stands at watts is no finite number"),
        ({"watts": -3.5, "wh": 1}, 200, {}, "connected the wrong way round"),
        ({"watts": 3.5}, 200, {}, "has no 'wh' at the top"),
        (b"[" * 60000, 200, {}, "its answer is no JSON"),
        (b" " * 70000, 200, {}, "its answer is longer than 65536 bytes"),
        (b"", 404, {}, "it answers HTTP 404 to /x (Not Found)"),
        (b"", 500, {}, "it answers HTTP 500 to /x (Internal Server Error)"),
        (b"", 302, {"Location": "/login"}, "it redirects /x (HTTP 302)"),
        (b"", 401, {"WWW-Authenticate": "Negotiate"}, "refuses the user and password of its url (it offers Negotiate"),
    ],
)
def test_what_is_wrong_is_said(plug, body, status, headers, words):
    """Whatever a meter answers, its sensor says what is wrong with it, and never the login or the query."""
    server = plug(Says, body, status, headers)
    url = server.url(f"me:{SECRET}") + f"/x?key={SECRET}"
    reason = found("http", url, power_path="watts", energy_path="wh").reason
    assert words in reason
    assert SECRET not in reason
    assert server.address in reason


def test_nobody_there():
    """A port that nobody listens on, and a name that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "it cannot be reached: Connection refused." in found("http", f"http://127.0.0.1:{port}").reason
    assert "this name is not known" in found("http", "http://no-such-meter.invalid").reason


def test_what_is_no_http():
    """Something else listens there."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=_say_hello, args=(server,)).start()
        assert "no HTTP" in found("http", f"http://127.0.0.1:{server.getsockname()[1]}").reason


def _say_hello(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"220 mail.example ESMTP\r\n")


@pytest.mark.parametrize("kind", [Hangs, Dribbles])
def test_meter_that_does_not_come_to_an_end(plug, kind):
    """Asking takes bounded time, also where every byte comes in time but the last never does."""
    assert "it did not answer within 1.5 s" in found("http", plug(kind).url()).reason


def test_meter_that_recovers_reads_on(plug):
    """A reading that fails is an OSError, which the sampler has patience with; the next may succeed."""
    server = plug(Says, {"watts": 5})
    meter = found("http", server.url(), power_path="watts")
    server._said = (503, {}, b"")
    with pytest.raises(MeterError, match="HTTP 503"):
        meter.read()
    server._said = (200, {}, {"watts": 6})
    assert [6.0] == meter.read()
    assert [
        f"readings that failed: 1, the last with: {server.url()}: it answers HTTP 503 to / (Service Unavailable)."
    ] == (meter.remarks)


def test_energy_that_was_reset_is_lost_and_the_power_goes_on(plug):
    """A count that went back has no reading any more, and the record says so; no joule is invented."""
    server = plug(Says, {"watts": 5, "wh": 2.0})
    meter = found("http", server.url(), power_path="watts", energy_path="wh")
    server._said = (200, {}, {"watts": 5, "wh": 2.5})
    assert [5.0, 1800.0] == meter.read()
    server._said = (200, {}, {"watts": 5, "wh": 0.0})
    assert [5.0, None] == meter.read()
    server._said = (200, {}, {"watts": 5, "wh": 9.0})
    assert [5.0, None] == meter.read()
    assert ["its energy count went from 9000 to 0 J: it was reset."] == meter.remarks


def test_energy_alone_that_was_reset_ends_the_meter(plug):
    """Where there was nothing else, the sensor is over for this run."""
    server = plug(Says, {"wh": 2.0})
    meter = found("http", server.url(), energy_path="wh")
    server._said = (200, {}, {"wh": 1.0})
    with pytest.raises(SensorFailed, match="it was reset"):
        meter.read()


def test_every_meter_is_a_sensor_of_its_own(plug, tmp_path):
    """Two meters and one that is not there: three reports, and the two are read."""
    urls = [plug(Says, b"1").url(), "http://127.0.0.1:9", plug(Says, b"2").url()]
    meters = tuple(MeterSettings("http", url, name) for url, name in zip(urls, "abc", strict=True))
    sensors, reports = detect_sensors(Surroundings(tmp_path, meters=meters))
    states = {report.name: report.present for report in reports if report.name.startswith("meter")}
    assert {"meter": True, "meter:2": False, "meter:3": True} == states
    readings = {sensor.name: sensor.read() for sensor in sensors if sensor.name in states}
    assert {"meter": [1.0], "meter:3": [2.0]} == readings
    assert ["a"] == [channel.name for channel in sensors[-2].channels]
