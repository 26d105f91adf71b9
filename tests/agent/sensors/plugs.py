"""Meters on loopback, as real HTTP servers: each answers as its maker documents it, and meters a known waveform."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SECRET = "s3cret"


class Waveform:
    """20 W, swinging by 10 W with a period of 2.5 s; the energy of it by formula."""

    def __init__(self) -> None:
        self._start_s, self._turn_s = time.monotonic(), 2.5 / (2 * math.pi)

    def power(self, at_s: float) -> float:
        return 20 + 10 * math.sin((at_s - self._start_s) / self._turn_s)

    def energy(self, since_s: float, until_s: float) -> float:
        swing = [math.cos((at_s - self._start_s) / self._turn_s) for at_s in (since_s, until_s)]
        return 20 * (until_s - since_s) + 10 * self._turn_s * (swing[0] - swing[1])

    def counted(self) -> float:
        """Joules from its start to now, on top of 1 kJ."""
        return 1000 + self.energy(self._start_s, time.monotonic())


def area(times, values) -> float:
    """What the readings of a power add up to, by trapezoids."""
    pairs = zip(times, times[1:], values, values[1:], strict=False)
    return sum((after - before) * (low + high) / 2 for before, after, low, high in pairs)


class Plug:
    """A server whose answer() gives status, headers and body. asked: the targets so far. login: it wants this."""

    def __init__(self, login: str = "") -> None:
        self.wave, self.login, self.asked = Waveform(), login, []
        plug = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                plug.asked.append(self.path)
                with suppress(OSError):  # the client may have given up
                    plug.serve(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, login: str = "") -> str:
        return f"http://{login}{'@' if login else ''}{self.address}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, request) -> None:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, headers, body = self.refusal(request, query) or (200, {}, self.answer(parts.path, query))
        if body is None:
            status, body = 404, {"code": 404, "message": "no handler"}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(status)
        for name, value in {"Content-Length": str(len(raw)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(raw)

    def refusal(self, request, query):
        """Status, headers and body for who may not ask, else None."""
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.login and request.headers["Authorization"] != wanted:
            return 401, {"WWW-Authenticate": 'Basic realm="plug"'}, b""
        return None

    def answer(self, path, query):
        """A JSON value, or raw bytes, or None where there is nothing at the path."""
        raise NotImplementedError

    @property
    def watts(self) -> float:
        return self.wave.power(time.monotonic())


class ShellyPlugS(Plug):
    """First generation: watts with two digits, watt-minutes without; a login is Basic."""

    valid = True

    def refusal(self, request, query):
        return None if request.path == "/shelly" else super().refusal(request, query)

    def answer(self, path, query):
        total = int(self.wave.counted() / 60)
        meter = {
            "power": round(self.watts, 2),
            "is_valid": self.valid,
            "timestamp": 1,
            "counters": [1.0],
            "total": total,
        }
        answers = {
            "/shelly": {"type": "SHPLG-S", "mac": "E868E7000000", "auth": bool(self.login), "num_meters": 1},
            "/status": {"relays": [{"ison": True}], "meters": [meter], "uptime": 7},
        }
        return answers.get(path)


class ShellyPlus(Plug):
    """Second generation: watts with one digit, watt-hours with three; a login is Digest with SHA-256."""

    component = "switch"

    def refusal(self, request, query):
        """As RFC 7616 has it; every nonce is good for one request, as in the older firmware."""
        if not self.login or request.path == "/shelly":
            return None
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', request.headers["Authorization"] or ""))
        used, self._nonce = getattr(self, "_nonce", ""), hashlib.sha256(str(time.monotonic_ns()).encode()).hexdigest()
        user, _, password = self.login.partition(":")
        who = self._hash(f"{user}:plus:{password}")
        what = self._hash(f"GET:{request.path}")
        wanted = self._hash(f"{who}:{used}:{given.get('nc')}:{given.get('cnonce')}:auth:{what}")
        if (used, wanted, request.path) == (given.get("nonce"), given.get("response"), given.get("uri")):
            return None
        challenge = f'Digest qop="auth", realm="plus", nonce="{self._nonce}", algorithm=SHA-256'
        return 401, {"WWW-Authenticate": challenge}, b""

    def answer(self, path, query):
        meter = {
            "id": 0,
            "output": True,
            "apower": round(self.watts, 1),
            "voltage": 230.1,
            "aenergy": {"total": round(self.wave.counted() / 3600, 3), "by_minute": [0.0]},
        }
        answers = {
            "/shelly": {"id": "shellyplus", "gen": 2, "app": "Plus1PM", "auth_en": bool(self.login)},
            "/rpc/Shelly.GetStatus": {"ble": {}, f"{self.component}:0": meter, "sys": {"uptime": 7}},
            f"/rpc/{'PM1' if self.component == 'pm1' else 'Switch'}.GetStatus": meter
            if query.get("id") == "0"
            else None,
        }
        return answers.get(path)

    @staticmethod
    def _hash(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()


class Tasmota(Plug):
    """Watts and kilowatt-hours with as many digits as WattRes and EnergyRes say; a login stands in the query."""

    warns_with = 401  # 200 before version 8.2.3
    meters = True

    def refusal(self, request, query):
        if self.login and f"{query.get('user')}:{query.get('password')}" != self.login:
            return self.warns_with, {}, {"WARNING": "Need user=<username>&password=<password>"}
        return None

    def answer(self, path, query):
        if (path, query.get("cmnd")) != ("/cm", "Status 8"):
            return None
        energy = f'{{"Total":{self.wave.counted() / 3.6e6:.5f},"Power":{self.watts:.2f},"Voltage":230}}'
        energies = f',"ENERGY":{energy}' if self.meters else ""
        return f'{{"StatusSNS":{{"Time":"2026-01-01T00:00:00"{energies}}}}}'.encode()


class SlowlyUpdated(Plug):
    """A meter with a new value every 0.2 s: the mean over the 0.2 s before."""

    update_s = 0.2

    def answer(self, path, query):
        now = time.monotonic()
        until_s = now - now % self.update_s
        mean = self.wave.energy(until_s - self.update_s, until_s) / self.update_s
        return {"channels": [{"watts": mean}, {"watts": 0}]}


class Says(Plug):
    """Whatever a test has it say, at every path."""

    def __init__(self, body, status=200, headers=(), login=""):
        super().__init__(login)
        self._said = (status, dict(headers), body)

    def refusal(self, request, query):
        return super().refusal(request, query) or self._said


class Dribbles(Plug):
    """Sends the body a byte at a time, and never comes to its end."""

    def serve(self, request):
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b" ")
            time.sleep(0.2)


class Hangs(Plug):
    """Takes a request and answers nothing until it is closed. slow_from: only from that request on."""

    def __init__(self, slow_from: int = 0) -> None:
        self._closed, self._slow_from = threading.Event(), slow_from
        super().__init__()

    def serve(self, request):
        if len(self.asked) > self._slow_from:
            self._closed.wait()
        else:
            super().serve(request)

    def answer(self, path, query):
        return self.watts

    def close(self):
        self._closed.set()
        super().close()
