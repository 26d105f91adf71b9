"""`gradfilter-agent sensors` as a process: on a page, as JSON, on a screen, through a pipe."""

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.agent.service import wait_until

COMMAND = str(Path(sys.executable).with_name("gradfilter-agent"))


def shown(root, *options, **variables):
    environment = {**os.environ, **{f"GRADFILTER_AGENT_{name}": value for name, value in variables.items()}}
    command = [COMMAND, "--root", str(root), "sensors", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_page_shows_values_and_what_they_cover(board):
    """A row a channel: where it is, what it covers, what it reads now."""
    page = shown(board("jetson-orin-nano"))
    rows = [line.split() for line in page.stdout.splitlines()]
    assert (0, "") == (page.returncode, page.stderr)
    [rail] = [row for row in rows if row[:2] == ["ina", "VDD_IN"]]
    assert ["W", "module"] == rail[2:4]
    assert ["6", "W"] == rail[-2:]
    assert ["gpu-thermal", "degC", "-"] == next(row[1:] for row in rows if row[1:2] == ["gpu-thermal"])


def test_page_says_which_channel_is_the_energy_and_what_is_missing(board):
    """On an Orin the module's rail, since nothing nearer to the whole board is metered; without a meter none."""
    page = shown(board("jetson-orin-nano")).stdout
    assert "energy of a step on cuda: ina.VDD_IN (module), the first of board_input, wall, module" in page
    assert "nothing else checks it" in page
    assert "  rapl: this processor" in page
    assert "energy of a step on cpu: none; no channel covers any of" in shown(board("virtual-machine")).stdout


def test_page_says_what_a_sensor_lacks(board):
    """A breakout that is there is shown with what its owner says wrongly of it."""
    page = shown(board("raspberry-pi-5"), RAILS='{"ina228": "board_input"}').stdout
    to_know, _, missing = page.partition("to know:")[2].partition("missing:")
    assert "  ina: GRADFILTER_AGENT_RAILS speaks of ina228" in to_know
    assert "ina:" not in missing


def test_json_holds_the_same(board):
    """For programs: what was found, what it reads, which channel is the energy."""
    document = json.loads(shown(board("intel-laptop"), "--json").stdout)
    assert ["rapl.psys"] == document["energy"]["cpu"]["channels"]
    assert 42.0 == document["now"]["thermal"]["acpitz"]
    assert {} == document["trouble"]
    assert "rapl" in [sensor["name"] for sensor in document["sensors"]]


def test_sensor_that_hangs_is_named(board):
    """A thermometer that does not answer is missing with its reason, and the rest is shown."""
    root = board("jetson-orin-nano")
    zone = root / "sys/class/thermal/thermal_zone0/temp"
    with subprocess.Popen(
        [COMMAND, "--root", str(root), "sensors", "--watch", "--json"], stdout=subprocess.PIPE, text=True
    ) as watching:
        watching.stdout.readline()
        pipe = root / "pipe"
        os.mkfifo(pipe)
        pipe.replace(zone)
        lines = (json.loads(line) for line in watching.stdout)
        trouble = next(line["trouble"] for line in lines if line["trouble"])
        watching.send_signal(signal.SIGINT)
        assert 130 == watching.wait(30)
    assert trouble["thermal"].startswith("no answer for ")


def test_search_that_is_interrupted_ends_quietly(board):
    """Ctrl-C while a sensor that hangs is looked for is no reason for a traceback."""
    root = board("jetson-orin-nano")
    zone = root / "sys/class/thermal/thermal_zone0/temp"
    zone.unlink()
    os.mkfifo(zone)
    command = [COMMAND, "--root", str(root), "sensors"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as looking:
        writing_end = wait_until("the search", lambda: writing_end_of(zone))
        looking.send_signal(signal.SIGINT)
        assert (130, "", "") == (looking.wait(30), looking.stdout.read(), looking.stderr.read())
    os.close(writing_end)


def writing_end_of(pipe):
    """Once somebody reads the pipe, its other end."""
    with suppress(OSError):
        return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)


def test_watching_through_a_pipe_prints_lines_until_interrupted(board):
    """No terminal: a line a second with the values, and Ctrl-C ends it quietly."""
    command = [COMMAND, "--root", str(board("raspberry-pi-5")), "sensors", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        lines = [watching.stdout.readline() for _ in range(2)]
        watching.send_signal(signal.SIGINT)
        assert (130, "") == (watching.wait(30), watching.stderr.read())
    assert all("thermal.cpu-thermal=52.5 °C" in line for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_watching_on_a_terminal_redraws_the_page(board):
    """On a terminal the page is drawn over itself; Ctrl-C, typed there, ends it."""
    ours, theirs = pty.openpty()
    command = [COMMAND, "--root", str(board("raspberry-pi-5")), "sensors", "--watch"]
    drawn = b""
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, close_fds=True
    ) as watching:
        os.close(theirs)
        while drawn.count(b"\x1b[H") < 3:
            drawn += os.read(ours, 65536)
        watching.send_signal(signal.SIGINT)
        wait_until("its end", lambda: read_on(ours) and watching.poll() is not None)
    os.close(ours)
    assert 130 == watching.returncode
    assert b"52.5 \xc2\xb0C" in drawn
    assert b"Traceback" not in drawn


def read_on(terminal):
    """Take what the other side has written, so that it can go on."""
    with suppress(OSError):  # the other side has closed it
        os.read(terminal, 65536)
    return True


def test_reader_that_has_seen_enough_is_no_error(board):
    """A closed pipe, as `head` leaves it, ends the command without a word."""
    command = [COMMAND, "--root", str(board("raspberry-pi-5")), "sensors", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        watching.stdout.readline()
        watching.stdout.close()
        assert (0, "") == (watching.wait(30), watching.stderr.read())


@pytest.mark.parametrize("command", [("sensors",), ("sensors", "--json"), ("sensors", "--watch"), ("device",)])
def test_output_that_cannot_be_written_is_said(board, command):
    """A full disk is exit status 1 and a sentence."""
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        command = [COMMAND, "--root", str(board("raspberry-pi-5")), *command]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (1, "gradfilter-agent: the output: No space left on device.\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("meters", "words"),
    [
        ("[{", "GRADFILTER_AGENT_METERS must be JSON"),
        ('[{"kind": "abacus", "url": "http://me:secret@meter", "name": "m"}]', "meters.0.kind: Input should be"),
        ('[{"kind": "shelly", "url": "http://me:secret@meter"}]', "meters.0.name: Field required"),
    ],
)
def test_meters_that_are_wrong_are_refused_in_words(tmp_path, meters, words):
    """A mistake in the list of meters is named, and no address with a password in it is printed."""
    refused = shown(tmp_path, METERS=meters)
    assert 2 == refused.returncode
    assert words in refused.stderr
    assert "secret" not in refused.stderr
    assert "Traceback" not in refused.stderr
