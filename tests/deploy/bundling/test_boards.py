"""The table of board types, and bundles of boards for which something must be had by hand."""

import json
import tarfile

import pytest

from deploy.bundling.__main__ import make_bundle
from deploy.bundling.boards import BoardType, EnvironmentType, board_type, read_boards
from deploy.bundling.errors import BundleError
from tests.deploy.bundling.wheel_making import write_wheel

VENDORS = "torch-1.10.0-py3-none-any.whl"
PAGE = "vendor.example/torch"
NANO = BoardType(
    "nano",
    "a board whose torch its vendor builds",
    "aarch64",
    "2.27",
    {"worker": EnvironmentType("3.11", ["gradfilter"], by_hand={VENDORS: PAGE})},
)


def test_every_type_has_its_reasons():
    """Nobody should have to guess why a board gets the torch that it gets, and each has an agent and a worker."""
    for board in read_boards().values():
        assert board.reasons, board.name
        assert {"agent", "worker"} <= set(board.environments), board.name


def test_unknown_type_is_refused_with_those_there_are():
    """A mistyped BOARD is answered with the table's names."""
    with pytest.raises(BundleError, match="there is no board type 'raspberry'; there are raspberry-pi-3-4, "):
        board_type("raspberry")


def test_wheel_that_must_be_had_by_hand(tmp_path, capsys):
    """While it is missing the bundle says so, inside and when it is made; once it is in its place it belongs to it."""
    assert {VENDORS: PAGE} == worker_of(make_bundle(NANO, output=tmp_path))["missing"]
    said = " ".join(capsys.readouterr().out.split())
    assert f"no registry has it: {VENDORS} Fetch it from {PAGE} into {tmp_path / 'by-hand'}" in said
    write_wheel(tmp_path / "by-hand", "torch", "1.10.0")
    worker = worker_of(make_bundle(NANO, output=tmp_path))
    assert ({}, "1.10.0") == (worker["missing"], worker["versions"]["torch"])


def worker_of(archive):
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile(f"{archive.name.removesuffix('.tar.gz')}/manifest.json")
        return json.load(manifest)["environments"]["worker"]
