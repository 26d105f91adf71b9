"""`gradfilter-agent calibrate`: recordings and typed-in pairs become a calibration that the sensor then uses."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from tests.agent.service import wait_until
from tests.boards.raspberry_pi_firmware import pmic_read_adc, write_vcgencmd

COMMAND = str(Path(sys.executable).with_name("gradfilter-agent"))
GAIN, OFFSET_W = 1.13, 0.65
LOADS = (2.5, 6.0, 3.5, 7.5, 4.5)
START_S = 1_790_000_000


class Lab:
    """A Raspberry Pi 5 made of files, and the command on it."""

    def __init__(self, root, folder):
        self.folder, self.data_dir = folder, folder / "data"
        self.root = root
        self.vcgencmd = write_vcgencmd(folder / "firmware", pmic_read_adc=pmic_read_adc(4.0))

        self.settings = {"GRADFILTER_AGENT_VCGENCMD": str(self.vcgencmd), "PATH": "/usr/bin:/bin"}

    def command(self, *arguments):
        return [COMMAND, "--root", str(self.root), "--data-dir", str(self.data_dir), *map(str, arguments)]

    def run(self, *arguments):
        command = self.command(*arguments)
        return subprocess.run(command, capture_output=True, text=True, env=self.settings, timeout=60, check=False)

    def series(self, name, rows):
        file = self.folder / name
        file.write_text("time_s,watts\n" + "".join(f"{time_s:.3f},{watts:.5f}\n" for time_s, watts in rows))
        return file

    @property
    def kept(self):
        return json.loads((self.data_dir / "calibration.json").read_text())["pmic"]


@pytest.fixture
def lab(board, tmp_path):
    return Lab(board("raspberry-pi-5"), tmp_path)


def recordings(random):
    """Five minutes of both: the own sum at 5 Hz, fluctuating, the meter's answer to the same load at 1 Hz."""

    def load(second):
        return LOADS[int(second // 60)]

    own = [(START_S + s / 5, load(s / 5) + random.gauss(0, 0.2)) for s in range(1500)]
    meter = [(START_S + s, GAIN * load(s) + OFFSET_W + random.gauss(0, 0.02)) for s in range(300)]
    return own, meter


def test_two_recordings_give_the_line(lab):
    """Means over ten seconds even out the fluctuation; the record says with what and how well it was fitted."""
    own, meter = recordings(Random(1))
    done = lab.run(
        *("calibrate", "pmic", "--readings", lab.series("own.csv", own), "--meter", "FNB58 no. 2"),
        *("--reference", lab.series("meter.csv", meter), "--meter-tolerance", "0.01"),
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "board input = 1.1" in done.stdout
    assert pytest.approx((GAIN, OFFSET_W), rel=0.05) == (lab.kept["gain"], lab.kept["offset_w"])
    assert ("FNB58 no. 2", 0.01, 30) == (lab.kept["meter"], lab.kept["meter_tolerance"], lab.kept["points"])
    assert lab.kept["r_squared"] > 0.99


def test_typed_pairs_make_the_sensors_channel(lab):
    """After five pairs read off by eye, the sensors' list has the board's input."""
    pairs = [f"--pair={own}={GAIN * own + OFFSET_W:.3f}" for own in LOADS]
    assert 0 == lab.run("calibrate", "pmic", *pairs).returncode
    sensors = lab.run("sensors", "--json").stdout
    assert '"board_input"' in sensors


def test_own_readings_are_recorded_with_unix_time(lab):
    """A second of recording gives some readings of what the firmware says."""
    file = lab.folder / "own.csv"
    done = lab.run("calibrate", "pmic", "--record", file, "--seconds", "1")
    assert 0 == done.returncode
    head, *rows = file.read_text().splitlines()
    assert "time_s,watts" == head
    assert {4.0} == {round(float(row.split(",")[1]), 3) for row in rows}
    assert START_S - 3e8 < float(rows[0].split(",")[0])


def test_interrupted_recording_is_kept(lab):
    """Ctrl-C ends it in order, with the readings so far."""
    file = lab.folder / "own.csv"
    command = lab.command("calibrate", "pmic", "--record", file, "--seconds", "600")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=lab.settings) as recording:
        rows = wait_until("a reading", lambda: file.exists() and file.read_text().splitlines()[1:])
        recording.send_signal(signal.SIGINT)
        assert 0 == recording.wait(30)
        assert f"readings in {file}." in recording.stdout.read()
    assert file.read_text().splitlines()[1 : 1 + len(rows)] == rows


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--record", "own.csv", "--seconds", "nan"), "--seconds nan: expected a time above 0"),
        ((), "give either --readings and --reference"),
        (("--pair", "1=2", "--pair", "2=3"), "2 points, at least 5"),
        (("--pair", "one=two"), "expected OWN=METER"),
        (("--readings", "none.csv", "--reference", "none.csv"), "agent: none.csv: No such file or directory.\n"),
        (("--record", "away/own.csv"), "agent: away/own.csv: No such file or directory.\n"),
        (("--pair", "1=2", "--meter", "a\x1b[2Jb"), r"--meter 'a\x1b[2Jb': expected one line of text"),
        (("--pair", "1=2", "--meter", ""), "--meter '': expected one line of text"),
        (("--readings", "{headless}", "--reference", "{headless}"), "time_s and watts"),
        (("--readings", "{broken}", "--reference", "{broken}"), "line 3: expected two numbers"),
        (("--readings", "{early}", "--reference", "{late}"), "share no 10 s"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(lab, arguments, words):
    """Exit status 1 and a sentence; nothing is kept."""
    own, _ = recordings(Random(2))
    files = {
        "headless": lab.folder / "headless.csv",
        "broken": lab.folder / "broken.csv",
        "early": lab.series("early.csv", own),
        "late": lab.series("late.csv", [(time_s + 1000, watts) for time_s, watts in own]),
    }
    files["headless"].write_text("1,2\n3,4\n")
    files["broken"].write_text("time_s,watts\n1,2\n3,nan\n")
    done = lab.run("calibrate", "pmic", *(argument.format(**files) for argument in arguments))
    assert 1 == done.returncode
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (lab.data_dir / "calibration.json").exists()


def test_clocks_that_differ_are_noticed(lab):
    """Half a minute between the two clocks spoils the fit, and it is refused."""
    own, meter = recordings(Random(3))
    late = lab.series("meter.csv", [(time_s + 30, watts) for time_s, watts in meter])
    done = lab.run("calibrate", "pmic", "--readings", lab.series("own.csv", own), "--reference", late)
    assert 1 == done.returncode
    assert "clocks that agree" in done.stderr


def test_board_without_the_chip_cannot_record(lab):
    """A Raspberry Pi 4 says what can measure it."""
    (lab.root / "proc/device-tree/model").write_text("Raspberry Pi 4 Model B\0")
    done = lab.run("calibrate", "pmic", "--record", lab.folder / "own.csv")
    assert 1 == done.returncode
    assert "cannot measure its own power" in done.stderr
