"""Shelly plugs and modules, by HTTP.

First generation: GET /status has meters[n].power in W and meters[n].total in W·min; a login is HTTP Basic.
Second and later: GET /rpc/Switch.GetStatus?id=n, or PM1.GetStatus for those that only meter, has apower in W and
aenergy.total in Wh; a login is HTTP Digest with SHA-256, its user always admin. GET /shelly tells the two apart.

The resolutions are those of the numbers as the documentation's examples print them; what the metering chip resolves,
its error, and over how long it averages are not documented, and neither is how often it has a new value.
Three-phase meters (emeters, EM, EM1) name their numbers otherwise: describe them as kind http.
Source: Shelly API Reference, "Shelly Family Overview" (first generation: /shelly, /status, meters); Shelly Technical
Documentation, "Switch", "PM1" and "Authentication". Tested with made-up servers; untested on hardware.
"""

from typing import Any

from agent.sensors.meters.answers import MeterError, find
from agent.sensors.meters.fields import JOULES, Field
from agent.sensors.meters.http_meter import HttpMeter
from agent.sensors.meters.web import Web
from agent.sensors.surroundings import MeterSettings

_J_PER_WATT_MINUTE = 60.0
_COMPONENTS = ("Switch", "PM1")


class FirstGeneration(HttpMeter):
    """One that says of each reading whether it is valid."""

    def values(self, answer: Any) -> list[float | None]:
        """One value a channel.

        Raises:
            MeterError: it says itself that it has none.
        """
        meter = self._fields[0].path.rpartition(".")[0]
        if find(answer, f"{meter}.is_valid") is not True:
            raise MeterError("it says itself that its reading is not valid.")
        return super().values(answer)


def open_shelly(name: str, settings: MeterSettings) -> HttpMeter:
    """A Shelly that meters, of either generation.

    Raises:
        MeterError: it does not answer, or it meters nothing.
    """
    web = Web(settings.url)
    base = web.target.rstrip("/")
    about = web.get(f"{base}/shelly").document
    if isinstance(about, dict) and "gen" in about:
        return _open_component(name, settings, web, f"{base}/rpc")
    path = f"meters[{settings.channel}]"
    fields = [
        Field("power", f"{path}.power", resolution=0.01),
        Field("energy", f"{path}.total", _J_PER_WATT_MINUTE, _J_PER_WATT_MINUTE),
    ]
    meter = FirstGeneration(name, settings, fields, web, f"{base}/status")
    meter.check()
    return meter


def _open_component(name: str, settings: MeterSettings, web: Web, rpc: str) -> HttpMeter:
    status = web.get(f"{rpc}/Shelly.GetStatus").document
    components = list(status) if isinstance(status, dict) else []
    component = next((one for one in _COMPONENTS if f"{one.lower()}:{settings.channel}" in components), None)
    if component is None:
        raise MeterError(
            f"it has no switch and no pm1 number {settings.channel}; it has {', '.join(components)[:200]}."
        )
    fields = [
        Field("power", "apower", resolution=0.1),
        Field("energy", "aenergy.total", JOULES["Wh"], 0.001 * JOULES["Wh"]),
    ]
    meter = HttpMeter(name, settings, fields, web, f"{rpc}/{component}.GetStatus?id={settings.channel}")
    meter.check()
    return meter
