"""The project's own wheels hold the whole project."""

import zipfile
from pathlib import Path

from deploy.bundling.own_wheels import build_own_wheels

ROOT = Path(__file__).resolve().parents[3]
MODULES = {"gradfilter": ("gradfilter",), "gradfilter-bench": ("agent", "controller", "deploy", "migrations")}


def test_wheels_hold_every_module(tmp_path):
    """A package that pyproject.toml forgets would be missed on the board only."""
    wheels = build_own_wheels(ROOT, tmp_path)
    assert set(MODULES) == set(wheels)
    for name, packages in MODULES.items():
        with zipfile.ZipFile(wheels[name]) as wheel:
            held = set(wheel.namelist())
        wanted = {str(path.relative_to(ROOT)) for package in packages for path in (ROOT / package).rglob("*.py")}
        assert set() == {path for path in wanted if "/build/" not in path} - held
