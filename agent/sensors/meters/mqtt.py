"""Meters that publish by MQTT: a topic with JSON or a plain number, read with paho-mqtt (an extra).

The broker sends what the meter says when it says it: a reading's instant is its arrival, less the latency that the
owner states. A message that the broker had kept (retained) is of unknown age and is no reading. A meter that is
silent for long, or whose broker is gone, is given up; the client connects anew by itself until then.
Source: Eclipse Paho MQTT Python client, documentation of version 2; OASIS standard MQTT 3.1.1. Tested with a real
broker; untested on hardware.
"""

import threading
import time
from collections import deque
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.errors import SensorFailed
from agent.sensors.meters.answers import MeterError, parse
from agent.sensors.meters.fields import chosen_fields
from agent.sensors.meters.meter import Meter
from agent.sensors.sensor import Reading
from agent.sensors.surroundings import MeterSettings

# Together less than looking for a sensor may take (agent/sensors/search.py).
_CONNECT_S = 3.0
_LONGEST_WAIT_S = 3.0
_SHORTEST_WAIT_S, _UPDATES_AWAITED = 1.0, 3
_SILENCE_S, _SILENT_UPDATES = 30.0, 5
_MOST_WAITING = 10_000  # messages between two askings; a meter that sends more is not one
_LONGEST_BODY = 65536
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class MqttMeter(Meter):
    """A subscription; readings() gives what has arrived since the last call."""

    def __init__(self, name: str, settings: MeterSettings) -> None:
        super().__init__(name, settings, chosen_fields(settings))
        self._topic = settings.topic
        self._arrived: deque[tuple[float, bytes]] = deque(maxlen=_MOST_WAITING)
        self._heard = threading.Event()
        self._ready = threading.Event()
        self._trouble = "it does not answer"
        self._longest_silence_s = max(_SILENCE_S, _SILENT_UPDATES * settings.update_s)
        self._last_s, self._losses, self._empty = time.monotonic(), 0, 0
        self._newest: list[float | None] = [None] * len(self.channels)
        parts = urlsplit(settings.url)
        self._place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._client = self._connect_to(parts.hostname or "", parts.port or _PORTS[parts.scheme])
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            self._client.tls_set()

    def start(self, wait_s: float) -> None:
        """Connect, subscribe, and hear something, if it can be expected within that time.

        Raises:
            MeterError: one of them did not happen, and why.
        """
        self._client.loop_start()
        if not self._ready.wait(_CONNECT_S) or self._trouble:
            raise MeterError(f"{self._place}: {self._trouble}.")
        if self._heard.wait(min(wait_s, _LONGEST_WAIT_S)):
            self.refuse_missing(parse(self._arrived[0][1]))
        elif wait_s <= _LONGEST_WAIT_S:
            raise MeterError(
                f"{self._place}: nothing was published on {self._topic} for {wait_s:.1f} s. Check the topic, and that "
                "update_s is how often the meter publishes."
            )
        else:
            self.advice = f"nothing has come on {self._topic} yet; it publishes too rarely to wait for it."

    def read(self) -> list[float | None]:
        """The newest values."""
        for reading in self.readings():
            self._newest = reading.values
        return self._newest

    def readings(self) -> list[Reading]:
        """One a message since the last call; a message that holds no number is one without values.

        Raises:
            SensorFailed: there has been no value for long.
        """
        now = time.monotonic()
        readings = []
        while self._arrived:
            at_s, body = self._arrived.popleft()
            try:
                values = self.values(parse(body))
            except MeterError as error:
                values, self._trouble = [None] * len(self.channels), str(error).rstrip(".")
                self._empty += 1
                self.remark("messages", f"messages without a number: {self._empty}, the last with: {error}")
            else:
                self._last_s, self._trouble = at_s, ""
            readings.append(Reading(at_s - self._latency_s, values))
        if now - self._last_s > self._longest_silence_s:
            why = self._trouble or "nothing was published"
            raise SensorFailed(f"{self._place}: no value on {self._topic} for {self._longest_silence_s:g} s: {why}.")
        return readings

    def close(self) -> None:
        """End the connection and its thread."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connect_to(self, host: str, port: int) -> Client:
        client = Client(CallbackAPIVersion.VERSION2)
        client.on_connect, client.on_connect_fail = self._connected, self._unreachable
        client.on_subscribe, client.on_disconnect = self._subscribed, self._disconnected
        client.on_message = self._take
        client.connect_timeout = 0.7 * _CONNECT_S
        client.reconnect_delay_set(1, 8)
        client.connect_async(host, port)
        return client

    # What follows is called in the client's own thread.

    def _connected(self, client: Client, _: Any, __: ConnectFlags, code: ReasonCode, ___: Properties | None) -> None:
        if code.is_failure:
            self._refused(f"the broker refuses the connection ({code}); its url is mqtt://user:password@host:port")
        else:
            client.subscribe(self._topic)

    def _subscribed(self, _: Client, __: Any, ___: int, codes: list[ReasonCode], ____: Properties | None) -> None:
        if any(code.is_failure for code in codes):
            self._refused(f"the broker refuses the subscription to {self._topic} ({codes[0]})")
        else:
            self._trouble = ""
            self._ready.set()

    def _disconnected(
        self, _: Client, __: Any, ___: DisconnectFlags, code: ReasonCode, ____: Properties | None
    ) -> None:
        if code.is_failure and not self._trouble:
            self._trouble = "the connection to the broker was lost"
            self._losses += 1
            self.remark("connection", f"the connection to the broker was lost, times: {self._losses}.")

    def _unreachable(self, _: Client, __: Any) -> None:
        self._refused("it cannot be reached, or is no broker")

    def _refused(self, trouble: str) -> None:
        self._trouble = trouble
        self._ready.set()

    def _take(self, _: Client, __: Any, message: MQTTMessage) -> None:
        if not message.retain:
            self._arrived.append((time.monotonic(), bytes(message.payload[:_LONGEST_BODY])))
            self._heard.set()


def open_mqtt(name: str, settings: MeterSettings) -> MqttMeter:
    """A meter that publishes.

    Raises:
        MeterError: its broker cannot be reached, or nothing that is a number comes.
    """
    meter = MqttMeter(name, settings)
    try:
        meter.start(max(_SHORTEST_WAIT_S, _UPDATES_AWAITED * settings.update_s))
    except BaseException:
        meter.close()
        raise
    return meter
