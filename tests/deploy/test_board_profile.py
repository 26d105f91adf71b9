"""The state that benchmarks want, set on a made-up Jetson by the program that boards run, and taken back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.boards.jetson_state import ALL, ASKED, BEFORE, IN_WORDS, StatefulJetson

ROLE = Path(__file__).resolve().parents[2] / "deploy" / "ansible" / "roles" / "profile"


class Board(StatefulJetson):
    """A Jetson's files, and the program's own."""

    def __init__(self, folder):
        super().__init__(folder / "board", folder / "board")
        self.kept, self.said = folder / "kept", folder / "said"
        for made in (self.root / "etc/gradfilter", self.kept, self.said):
            made.mkdir(parents=True)

    def run(self, command, profile=None):
        """Status and complaint of the program as the unit runs it."""
        if profile is not None:
            (self.root / "etc/gradfilter/profile.json").write_text(json.dumps(profile))
        done = subprocess.run(
            [sys.executable, str(ROLE / "files" / "board_profile.py"), command, str(self.root)],
            env={
                "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
                "STATE_DIRECTORY": str(self.kept),
                "RUNTIME_DIRECTORY": str(self.said),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr


@pytest.fixture
def board(tmp_path):
    return Board(tmp_path)


def test_what_is_asked_is_set_and_what_was_before_comes_back(board):
    """Power mode, clocks, fan, governor and swap; what holds is said in words."""
    assert BEFORE == board.state()
    assert (0, "") == board.run("set", ALL)
    assert ASKED == board.state()
    assert f"{IN_WORDS}\n" == (board.said / "applied").read_text()
    assert (0, "") == board.run("restore")
    assert BEFORE == board.state()


def test_what_is_left_out_is_left_alone(board):
    """A profile of the fan alone changes the fan alone."""
    assert (0, "") == board.run("set", {"fan": 100})
    assert ["0", "usual", "100", "schedutil", 1] == board.state()


def test_state_before_outlives_a_power_cut(board):
    """A board that comes back as it was set does not take that for what was before."""
    board.run("set", ALL)
    assert (0, "") == board.run("set", ALL)
    assert (0, "") == board.run("restore")
    assert BEFORE == board.state()
    assert (0, "") == board.run("restore")


def test_board_without_a_setting_says_so_and_can_be_restored(board):
    """What was set before the failure comes back, as the unit asks after a failed start."""
    board.fan.unlink()
    status, complaint = board.run("set", ALL)
    assert (1, True) == (status, "fan: this board has no sys/devices/pwm-fan/target_pwm nor" in complaint), complaint
    assert not (board.said / "applied").exists()
    board.run("restore")
    board.fan.write_text("60\n")
    assert BEFORE == board.state()


def test_one_that_cannot_be_restored_keeps_no_other_from_it(board):
    """The swap's device is gone: that is said and kept for another try, and everything else comes back."""
    board.run("set", ALL)
    swapon = board.root / "bin/swapon"
    program = swapon.read_text()
    swapon.write_text("#!/bin/sh\necho no such device; exit 1\n")
    status, complaint = board.run("restore")
    assert (1, "swap: `swapon --priority 5 /dev/zram0` failed: no such device\n") == (status, complaint)
    assert [*BEFORE[:-1], 0] == board.state()
    swapon.write_text(program)
    assert (0, "") == board.run("restore")
    assert BEFORE == board.state()


@pytest.mark.parametrize(
    ("profile", "complaint"),
    [
        (
            {"gouvernor": "performance"},
            "gouvernor is no setting; there are nvpmodel, governor, jetson_clocks, fan, swap",
        ),
        ({"fan": "255"}, "fan must be of type int, got '255'"),
        ({"nvpmodel": True}, "nvpmodel must be of type int, got True"),
        ({"swap": True}, "swap: it can be false; to keep the board's, leave it out"),
    ],
)
def test_profile_that_cannot_be_is_refused(board, profile, complaint):
    """The complaint names the setting and what it may be, and nothing is changed."""
    assert (1, f"{complaint}\n") == board.run("set", profile)
    assert BEFORE == board.state()
