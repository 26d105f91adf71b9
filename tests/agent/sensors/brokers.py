"""A real MQTT broker (amqtt) on loopback, and somebody who publishes there."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from pwdlib.hashers.argon2 import Argon2Hasher

from tests.agent.sensors.plugs import SECRET
from tests.agent.service import wait_until

_USERS = ("plug", "board")
_AMQTT = Path(sys.executable).with_name("amqtt")


class Broker:
    """Started on construction. The user plug may publish anything, board read what is under allowed/."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._config, self._log = folder / "broker.yaml", folder / "broker.log"
        passwords = folder / "passwords"
        hasher = Argon2Hasher(time_cost=1, memory_cost=1024)
        passwords.write_text("".join(f"{user}:{hasher.hash(SECRET)}\n" for user in _USERS))
        plugins = {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(passwords)},
            "amqtt.plugins.topic_checking.TopicAccessControlListPlugin": {
                "acl": {"board": ["allowed/#"]},
                "publish_acl": {"plug": ["#"]},
            },
        }
        listener = {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}
        self._config.write_text(json.dumps({"listeners": {"default": listener}, "plugins": plugins}))
        self.start()

    def start(self) -> None:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([_AMQTT, "-c", self._config], stdout=log, stderr=subprocess.STDOUT)
        wait_until("the broker's start", lambda: b"bind to" in self._log.read_bytes())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def url(self, login: str = f"board:{SECRET}") -> str:
        return f"mqtt://{login}@127.0.0.1:{self.port}"


class Publisher(threading.Thread):
    """Publishes what says() returns on a topic, ten times a second, until it is closed."""

    PERIOD_S = 0.1

    def __init__(self, broker: Broker, topic: str, says, retain: bool = False) -> None:
        super().__init__()
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set("plug", SECRET)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self._topic, self._says, self._retain = topic, says, retain
        self._closed = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._closed.wait(self.PERIOD_S):
            self.client.publish(self._topic, self._says(), retain=self._retain)

    def close(self) -> None:
        self._closed.set()
        self.join()
        self.client.disconnect()
        self.client.loop_stop()
