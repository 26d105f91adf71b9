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

BOARDS = ("board-1", "board-2")


@dataclass
class Deployed:
    """A lab with the controller on `lab` and agents on two boards, and how it came to be."""

    lab: HostLab
    installed: Played


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Controller and boards; where no torch is kept from an earlier time, the first board installs it for all."""
    require_tools()
    folder = tmp_path_factory.mktemp("hosts")
    lab = HostLab(folder, [host_image()], bundle(folder))
    torch = TorchLayer(lab.bundle)
    try:
        if not torch.folder.exists():
            lab.boot("lab", BOARDS[0])
            _install(lab)
            torch.keep(lab.hosts[BOARDS[0]].disk)
        lab.share(torch.folder)
        lab.boot(*(name for name in ("lab", *BOARDS) if name not in lab.hosts))
        yield Deployed(lab, _install(lab))
    finally:
        lab.close()
        shutil.rmtree(folder, ignore_errors=True)


def _install(lab: HostLab) -> Played:
    played = lab.play("install")
    assert played.status == 0, played.output
    return played
