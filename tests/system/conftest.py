"""The lab fixture: everything real, on loopback, in a folder of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.postgresql import PostgreSQL
from tests.system.lab import Lab
from tests.system.quick_lab import new_quick_lab


@contextmanager
def stopped_at_the_end(lab: Lab) -> Iterator[Lab]:
    """The lab; its services' logs are shown when a test fails."""
    try:
        yield lab
    finally:
        lab.stop()
        for log in sorted(lab.folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-6000:]}")


def started(folder: Path, **options: str) -> Iterator[Lab]:
    """A running lab."""
    with stopped_at_the_end(Lab(folder, **options)) as lab:
        lab.start()
        yield lab


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server, started for the first test that asks."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own, to kill and restart."""
    yield from started(tmp_path)


@pytest.fixture
def quick_lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab for faults, not started yet."""
    with stopped_at_the_end(new_quick_lab(tmp_path)) as lab:
        yield lab


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for every test that only submits and reads."""
    yield from started(tmp_path_factory.mktemp("lab"))
