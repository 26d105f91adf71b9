"""The agent's sampler in a hurry: `python -m tests.benchmarks.hurried_sampler`, with a period a HURRYth of the usual.

Sensors that may be asked only so often, and what is collected twice a second, are hurried as much as the period is.
So it interrupts the training about HURRY times as often.
"""

import sys

from agent import sampler
from agent.sensors import SENSORS

HURRY = 10


def main() -> None:
    """Sample as the agent's sampler does, but for the paces."""
    for sensor in SENSORS:
        sensor.slowest_s /= HURRY
    sys.argv += ["--collect", str(sampler.COLLECT_S / HURRY)]
    sampler.main()


if __name__ == "__main__":
    main()
