"""The board's load, and whose it is."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.sensors.load import Load
from agent.sensors.surroundings import Surroundings

WORKER, CHILD = 4242, 4243


@pytest.fixture
def proc(board):
    return board("jetson-orin-nano") / "proc"


@pytest.fixture
def load(proc):
    return Load.detect(Surroundings(proc.parent))


def write_process(proc, pid, own_ticks, waited_ticks=0, children=""):
    """A process in /proc whose name holds what would mislead a careless reader."""
    task = proc / str(pid) / "task" / str(pid)
    task.mkdir(parents=True, exist_ok=True)
    (task / "children").write_text(children)
    (proc / str(pid) / "stat").write_text(
        f"{pid} (python) 9 (x) S 1 1 1 0 -1 0 0 0 0 0 {own_ticks} 0 {waited_ticks} 0 20 0 1 0 99 0 0\n"
    )


def go_on(proc, busy, idle):
    """1000 ticks are written down as 1500 of 10000 were busy before."""
    (proc / "stat").write_text(f"cpu  {1000 + busy} 0 500 {8000 + idle} 500 0 0 0 0 0\n")


def test_everything_is_foreign_before_there_is_a_worker(proc, load):
    """While the board rests, all that is busy disturbs it."""
    go_on(proc, busy=250, idle=750)
    assert [0.25, 0.25] == load.read()


def test_worker_and_its_children_are_not_foreign(proc, load):
    """Of 900 busy ticks the worker has 600, a living child 150, one that has ended 50: 100 of 1000 are others'."""
    load.follow(WORKER)
    write_process(proc, WORKER, 600, waited_ticks=50, children=f"{CHILD} ")
    write_process(proc, CHILD, 150)
    go_on(proc, busy=900, idle=100)
    assert pytest.approx([0.9, 0.1]) == load.read()


def test_only_ticks_since_the_reading_before_count(proc, load):
    """A second reading takes the difference of both files."""
    load.follow(WORKER)
    write_process(proc, WORKER, 400)
    go_on(proc, busy=500, idle=500)
    load.read()
    write_process(proc, WORKER, 1000)
    go_on(proc, busy=1300, idle=700)
    assert pytest.approx([0.8, 0.2]) == load.read()


def test_too_few_ticks_wait_for_the_next_reading(proc, load):
    """Nine ticks say nothing yet; with 991 more they are a share of a thousand, the worker's among them."""
    load.follow(WORKER)
    write_process(proc, WORKER, 9)
    go_on(proc, busy=9, idle=0)
    assert [None, None] == load.read()
    write_process(proc, WORKER, 500)
    go_on(proc, busy=600, idle=400)
    assert pytest.approx([0.6, 0.1]) == load.read()


def test_no_foreign_share_once_the_worker_has_ended(proc, load):
    """Its last ticks are not known, so the rest is nobody's for certain."""
    load.follow(WORKER)
    go_on(proc, busy=500, idle=500)
    assert [0.5, None] == load.read()


@pytest.mark.parametrize("nonsense", ["", "4242 (python", "4242 (x) S 1 2 3", "4242 (x) S" + " NaN" * 30])
def test_unreadable_process_gives_no_share(proc, load, nonsense):
    """What is no line of a process is not taken for one."""
    load.follow(WORKER)
    write_process(proc, WORKER, 1)
    (proc / str(WORKER) / "stat").write_text(nonsense)
    go_on(proc, busy=500, idle=500)
    assert [0.5, None] == load.read()


def test_worker_busier_than_the_board_is_nonsense(proc, load):
    """More ticks than all cores had is no reading, but a tick of rounding is none to worry about."""
    load.follow(WORKER)
    write_process(proc, WORKER, 504)
    go_on(proc, busy=500, idle=500)
    assert [0.5, 0.0] == load.read()
    write_process(proc, WORKER, 5000)
    go_on(proc, busy=1000, idle=1000)
    assert [0.5, None] == load.read()


def test_real_process_that_computes_is_not_foreign():
    """A real busy worker takes its part out of the real board's load."""
    load = Load.detect(Surroundings(Path("/")))
    busy = [sys.executable, "-c", "print(flush=True)\nwhile True: pass"]
    with subprocess.Popen(busy, stdout=subprocess.PIPE) as worker:
        worker.stdout.readline()
        load.follow(worker.pid)
        load.read()
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            time.sleep(0.05)
        cpu, foreign = load.read()
        worker.kill()
    assert 0 <= foreign < cpu <= 1
    assert cpu - foreign <= 1.2 / os.cpu_count() + 0.05
