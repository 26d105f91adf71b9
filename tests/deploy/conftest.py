"""A lab on hosts of its own, deployed once for all tests that look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.deploy.hosts.bundles import bundle
from tests.deploy.hosts.image import host_image
from tests.deploy.hosts.lab import HostLab, Played
from tests.deploy.hosts.tools import require_tools
from tests.deploy.hosts.torch_layer import TorchLayer


@dataclass
class Deployed:
    """A lab with the controller on `lab` and agents on two boards, and how it came to be."""

    lab: HostLab
    first: Played
    second: Played


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Controller and one board in a first run, a second board in a second run."""
    require_tools()
    folder = tmp_path_factory.mktemp("hosts")
    lab = HostLab(folder, [host_image()], bundle(folder))
    torch = TorchLayer(lab.bundle)
    try:
        if torch.folder.exists():
            lab.share(torch.folder)
        lab.boot("lab", "board-1")
        first = lab.play("install")
        assert first.status == 0, first.output
        if not torch.folder.exists():
            torch.keep(lab.hosts["board-1"].disk)
            lab.share(torch.folder)
        lab.boot("board-2")
        yield Deployed(lab, first, lab.play("install"))
    finally:
        lab.close()
        shutil.rmtree(folder, ignore_errors=True)
