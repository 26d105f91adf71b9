"""Lets tests import the simulation beside them by name: with importlib's way of collecting, no folder is a package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
