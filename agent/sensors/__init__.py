"""The sensors the agent knows, in the order in which records list them."""

from agent.sensors.clocks import Clocks
from agent.sensors.ina import Ina
from agent.sensors.load import Load
from agent.sensors.process_memory import ProcessMemory
from agent.sensors.rapl import Rapl
from agent.sensors.sensor import Absent, Sensor
from agent.sensors.surroundings import Surroundings
from agent.sensors.system_memory import SystemMemory
from agent.sensors.thermal import Thermal
from gradfilter.bench.schema import SensorReport

SENSORS: tuple[type[Sensor], ...] = (ProcessMemory, SystemMemory, Load, Clocks, Thermal, Ina, Rapl)


def detect_sensors(surroundings: Surroundings) -> tuple[list[Sensor], list[SensorReport]]:
    """The sensors found there, which the caller closes, and what became of every one in SENSORS."""
    sensors, reports = [], []
    for kind in SENSORS:
        found = _detect(kind, surroundings)
        report = SensorReport(kind.name, present=not isinstance(found, Absent), quantities=list(kind.quantities))
        if isinstance(found, Absent):
            report.reason = found.reason
        else:
            report.channels = found.channels
            sensors.append(found)
        reports.append(report)
    return sensors, reports


def describe_sensors(surroundings: Surroundings) -> list[SensorReport]:
    """What becomes of every sensor in SENSORS, for a description: nothing is kept open."""
    sensors, reports = detect_sensors(surroundings)
    for sensor in sensors:
        sensor.close()
    return reports


def _detect(kind: type[Sensor], surroundings: Surroundings) -> Sensor | Absent:
    try:
        return kind.detect(surroundings)
    except OSError as error:
        return Absent(f"it is there but cannot be read: {error}.")
