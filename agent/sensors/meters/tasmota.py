"""Plugs and modules with Tasmota: the command Status 8 over HTTP.

    {"StatusSNS": {"Time": "…", "ENERGY": {"Total": 3.705, "Power": 5, "Voltage": 233, …}}}

Power is in W, Total in kWh, with as many digits as its commands WattRes and EnergyRes say; so a step is one of the
last digit printed. A login goes into the query, as its documentation has it. What the metering chip itself resolves
and over how long it averages depends on the module and is not declared. Every module has to be calibrated by hand.
Source: Tasmota documentation, "Commands" (with web requests; power monitoring), "JSON Status Responses", "Power
Monitoring Calibration". Tested with a made-up server; untested on hardware.
"""

from typing import Any
from urllib.parse import quote, urlencode

from agent.sensors.meters.answers import MeterError, printed_step
from agent.sensors.meters.fields import JOULES, Field
from agent.sensors.meters.http_meter import HttpMeter
from agent.sensors.meters.web import Web
from agent.sensors.surroundings import MeterSettings

_POWER, _TOTAL = "StatusSNS.ENERGY.Power", "StatusSNS.ENERGY.Total"


def open_tasmota(name: str, settings: MeterSettings) -> HttpMeter:
    """A Tasmota device that meters.

    Raises:
        MeterError: it does not answer, or it meters nothing.
    """
    web = Web(settings.url)
    login = {"user": web.user, "password": web.password} if web.user else {}
    target = web.target.rstrip("/") + "/cm?" + urlencode({**login, "cmnd": "Status 8"}, quote_via=quote)
    answer = web.get(target).document
    _refuse_warning(answer, web.place)
    fields = [
        Field("power", _POWER, resolution=printed_step(answer, _POWER)),
        Field("energy", _TOTAL, JOULES["kWh"], printed_step(answer, _TOTAL) * JOULES["kWh"]),
    ]
    meter = HttpMeter(name, settings, fields, web, target)
    meter.check()
    return meter


def _refuse_warning(answer: Any, place: str) -> None:
    """What it answers, with HTTP 200 in old versions, to a login that is missing or wrong; and without a meter."""
    if isinstance(answer, dict) and "WARNING" in answer:
        raise MeterError(f"{place}: it wants another login; write it into the url (http://admin:password@…).")
    sensors = answer.get("StatusSNS") if isinstance(answer, dict) else None
    if not isinstance(sensors, dict) or not isinstance(sensors.get("ENERGY"), dict):
        raise MeterError(f"{place}: it meters nothing, or is no Tasmota device: Status 8 has no ENERGY.")
