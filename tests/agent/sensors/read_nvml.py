"""The sensor nvml in a process of its own, since a library is loaded once: a line of JSON for every line on stdin."""

import json
import sys

from agent.errors import SensorFailed
from agent.sensors.nvml import Nvml
from agent.sensors.sensor import Absent
from agent.sensors.surroundings import Surroundings

sensor = Nvml.detect(Surroundings())
for _ in sys.stdin:
    if isinstance(sensor, Absent):
        print(json.dumps(sensor.reason), flush=True)
        continue
    try:
        names = [f"{channel.name} [{channel.unit}]" for channel in sensor.channels]
        print(json.dumps(dict(zip(names, sensor.read(), strict=True))), flush=True)
    except SensorFailed as error:
        print(json.dumps(str(error)), flush=True)
if not isinstance(sensor, Absent):
    sensor.close()
