"""What reading the sensors costs the training: step times with the sampler on and off, taking turns.

    make bench
    python -m tests.benchmarks.sampler_overhead --blocks 300 --most 400

One worker process trains resnet18. In every block it does so three times, in an order drawn from a seed: with the
agent's own sampler at 10 Hz beside it; with one that does everything ten times as often; and with both held still.
The ratios of the mean step times are paired within a block: means, since a median would not see the few steps that
a sampler interrupts. A block in which other programs took part of the processors does not count and is measured again.

What the sampler costs at 10 Hz is less than a virtual machine's pace wanders in an hour of blocks. What costs is the
CPU time of many short interruptions, and a hurried sampler has about ten times as many, which is seen in minutes. So
the usual sampler's cost is also modelled: the hurried one's, in proportion to the CPU time that each took.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import TemporaryDirectory

import torch
from torch import nn

from agent.sensors.load import Load
from agent.sensors.surroundings import Surroundings
from controller.analysis.estimate import ratio_estimate
from gradfilter.bench.board import Board
from gradfilter.bench.models import build_model
from tests.agent.sampling import Sampling
from tests.benchmarks.hurried_sampler import HURRY
from tests.boards import build_board

# Of an arm: short, since a virtual machine's pace wanders from second to second, and since a sampler that is held still
# for over two seconds in the middle of a reading, as between its turns in two blocks, believes that the reading hangs.
SECONDS = 0.35
SETTLING_S = 0.05
FEWEST_BLOCKS = 12
MOST_FOREIGN = 0.02  # of all processors: above it, a block says more of other programs than of the sampler
PERIOD_S = 0.1
OFF, USUAL, HURRIED = "no sampler", f"sampler at {1 / PERIOD_S:g} Hz", f"sampler at {HURRY / PERIOD_S:g} Hz"
Arm = Callable[[], AbstractContextManager[None]]


def train(connection: Connection) -> None:
    """The worker: for every number of seconds received, trains so long and sends back what each step took."""
    board = Board(Path("cache"), Path("datasets"), Path("weights"))  # a random start reads none of them
    model = build_model("resnet18", classes=10, seed=0, board=board)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images, labels, loss = torch.randn(8, 3, 64, 64), torch.randint(0, 10, (8,)), nn.CrossEntropyLoss()
    while seconds := connection.recv():
        times, end = [], time.monotonic() + seconds
        while (start := time.monotonic()) < end:
            loss(model(images), labels).backward()
            optimizer.step()
            optimizer.zero_grad()
            times.append(time.monotonic() - start)
        connection.send(times)


def mean_step(worker: Connection) -> float:
    """What a step of one stretch took on average (s)."""
    worker.send(SECONDS)
    return statistics.fmean(worker.recv())


class Beside:
    """A sampler beside the worker, which can be held still; module: the program.

    The power monitor, clocks and thermometers are a made-up Orin Nano's, so that something is read at the full pace.
    """

    def __init__(self, folder: Path, pid: int, period_s: float, module: str) -> None:
        board = build_board("jetson-orin-nano", folder / "board")
        rmtree(board / "proc")
        (board / "proc").symlink_to("/proc")
        self._ran_s = 0.0
        self._sampling = Sampling(Surroundings(root=board), folder / "samples.txt", period_s, module=module)
        self._sampling.process.stdin.write(b"%d\n" % pid)
        self._sampling.process.send_signal(signal.SIGSTOP)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run so long."""
        started_s = time.monotonic()
        self._sampling.process.send_signal(signal.SIGCONT)
        try:
            time.sleep(SETTLING_S)  # it now takes the reading that it has missed
            yield
        finally:
            self._sampling.process.send_signal(signal.SIGSTOP)
            self._ran_s += time.monotonic() - started_s

    def finish(self) -> float:
        """What it took of a core while it ran, as a ratio.

        Raises:
            SystemExit: it gave sensors up, so that it did less than it should.
        """
        self._sampling.process.send_signal(signal.SIGCONT)
        report = self._sampling.finish().report
        if report.dropped:
            raise SystemExit(f"the sampler gave sensors up: {' '.join(report.dropped)} Repeat the benchmark.")
        return report.cpu_s / self._ran_s


@contextmanager
def nothing_beside() -> Iterator[None]:
    """The worker alone, after as long a pause."""
    time.sleep(SETTLING_S)
    yield


def measure_block(worker: Connection, arms: list[tuple[str, Arm]]) -> dict[str, float]:
    """The mean step of each arm (s), once, in this order."""
    steps_s = {}
    for name, arm in arms:
        with arm():
            steps_s[name] = mean_step(worker)
    return steps_s


def undisturbed_blocks(
    worker: Connection, arms: dict[str, Arm], wanted: int, most: int
) -> tuple[list[dict[str, float]], int]:
    """As many blocks as are wanted, or could be had, and how many were disturbed."""
    load = Load(Path("/proc"))
    load.follow(os.getpid())
    random, blocks = Random(0), []
    disturbed = 0
    while len(blocks) < wanted and len(blocks) + disturbed < most:
        load.read()
        block = measure_block(worker, random.sample([*arms.items()], len(arms)))
        foreign = load.read()[1]
        if foreign is not None and foreign <= MOST_FOREIGN:
            blocks.append(block)
        else:
            disturbed += 1
    if len(blocks) < FEWEST_BLOCKS:
        raise SystemExit(f"only {len(blocks)} of {most} blocks were free of other programs: end those first.")
    return blocks, disturbed


def print_ratios(blocks: list[dict[str, float]], cores: dict[str, float]) -> None:
    """The measured ratios with their intervals, and what the hurried one says of the usual pace."""
    print(f"{f'step time over {len(blocks)} blocks, measured':48s}ratio   95 % interval       of a core")
    for name in (USUAL, HURRIED):
        print_interval(f"{name} / no sampler", interval(blocks, name), cores[name])
    part = cores[USUAL] / cores[HURRIED]
    modelled = [1 + part * (bound - 1) for bound in interval(blocks, HURRIED)]
    print("modelled: the latter, in proportion to the CPU time")
    print_interval(f"{USUAL} / no sampler", modelled, cores[USUAL])


def interval(blocks: list[dict[str, float]], name: str) -> list[float]:
    """The paired ratio of an arm's step time over the worker's alone, its lower and its upper bound."""
    ratio = ratio_estimate([block[name] for block in blocks], [block[OFF] for block in blocks])
    if ratio is None or ratio.low is None:
        raise SystemExit(f"{len(blocks)} blocks are too few for an interval.")
    return [ratio.value, ratio.low, ratio.high]


def print_interval(name: str, numbers: list[float], core: float) -> None:
    """One line: an estimate, its lower and its upper bound, and the CPU time that goes with it."""
    print(f"{name:48s}{numbers[0]:.4f}  [{numbers[1]:.4f}, {numbers[2]:.4f}]    {core:.2%}")


def main() -> None:
    """Print the ratio, dated and with the machine, and what the sampler took."""
    parser = argparse.ArgumentParser(description="What reading the sensors costs the training.")
    parser.add_argument("--blocks", type=int, default=48, help="how many undisturbed blocks are wanted")
    parser.add_argument("--most", type=int, default=96, help="at most so many blocks, with the disturbed ones")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=train, args=(theirs,), daemon=True)
    worker.start()
    mean_step(ours)  # warms up
    with TemporaryDirectory(prefix="sampler-") as usual, TemporaryDirectory(prefix="sampler-") as hurried:
        samplers = {
            USUAL: Beside(Path(usual), worker.pid, PERIOD_S, "agent.sampler"),
            HURRIED: Beside(Path(hurried), worker.pid, PERIOD_S / HURRY, "tests.benchmarks.hurried_sampler"),
        }
        arms = {OFF: nothing_beside, **{name: sampler.running for name, sampler in samplers.items()}}
        try:
            blocks, disturbed = undisturbed_blocks(ours, arms, arguments.blocks, arguments.most)
        finally:
            ours.send(0)
            worker.join()
            cores = {name: sampler.finish() for name, sampler in samplers.items()}
    now = datetime.now(timezone.utc).date()
    print(f"{now}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print_ratios(blocks, cores)
    print(f"{disturbed} more blocks do not count: other programs took over {MOST_FOREIGN:.0%} of the processors")


if __name__ == "__main__":
    main()
