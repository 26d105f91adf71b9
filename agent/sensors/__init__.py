"""The sensors the agent knows, in the order in which records list them."""

from agent.sensors.clocks import Clocks
from agent.sensors.ina import Ina
from agent.sensors.jtop import Jtop
from agent.sensors.load import Load
from agent.sensors.meters.meter import Meter, further_meters
from agent.sensors.nvml import Nvml
from agent.sensors.process_memory import ProcessMemory
from agent.sensors.rapl import Rapl
from agent.sensors.raspberry_pi_pmic import RaspberryPiPmic
from agent.sensors.search import LIMIT_S, Kind, search
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from agent.sensors.system_memory import SystemMemory
from agent.sensors.thermal import Thermal
from agent.sensors.throttling import Throttling
from gradfilter.bench.schema import SensorReport

SENSORS: tuple[type[Sensor], ...] = (
    ProcessMemory,
    SystemMemory,
    Load,
    Clocks,
    Thermal,
    Throttling,
    Ina,
    Jtop,
    RaspberryPiPmic,
    Rapl,
    Nvml,
    Meter,
)


def detect_sensors(surroundings: Surroundings, limit_s: float = LIMIT_S) -> tuple[list[Sensor], list[SensorReport]]:
    """The sensors found there, which the caller closes, and what became of every one in SENSORS and of further meters.

    One that is not found within the limit is left out.
    """
    sensors, reports = [], []
    kinds: list[Kind] = [*SENSORS, *further_meters(surroundings)]
    for kind, found in zip(kinds, search(kinds, surroundings, limit_s), strict=True):
        report = SensorReport(kind.name, present=not isinstance(found, Absent), quantities=list(kind.quantities))
        if isinstance(found, Absent):
            report.reason = found.reason
        else:
            report.channels, report.reason, report.note = found.channels, found.advice, found.note
            sensors.append(found)
        reports.append(report)
    return sensors, reports


def describe_sensors(surroundings: Surroundings) -> list[SensorReport]:
    """What becomes of every sensor in SENSORS, for a description: nothing is kept open."""
    sensors, reports = detect_sensors(surroundings)
    for sensor in sensors:
        sensor.close()
    return reports
