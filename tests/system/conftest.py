"""The lab fixture: everything real, on loopback, in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import PostgreSQL
from tests.system.lab import Lab


def started(folder: Path, **options: str) -> Iterator[Lab]:
    """A running lab; its services' logs are shown when a test fails."""
    lab = Lab(folder, **options)
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()
        for log in sorted(folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()[-6000:]}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server, started for the first test that asks."""
    with PostgreSQL() as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own, to kill and restart."""
    yield from started(tmp_path)


@pytest.fixture(scope="session")
def shared_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for every test that only submits and reads."""
    yield from started(tmp_path_factory.mktemp("lab"))
