"""What reading the sensors costs the training: step times with the sampler on and off, taking turns.

    make bench
    python -m tests.benchmarks.sampler_overhead --blocks 300 --most 400

One worker process trains resnet18. In every block it does so twice, in an order drawn from a seed: with the agent's
own sampler at 10 Hz beside it, and with that sampler held still. The ratio of the mean step times is paired within a
block: means, since a median would not see the few steps that the sampler interrupts. A block in which other programs
took part of the processors does not count and is measured again. The interval narrows with the square root of the
blocks.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timezone
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import TemporaryDirectory

import psutil
import torch
from torch import nn

from agent.run_folder import RunFolder
from agent.sampler_process import SamplerProcess
from agent.samples import Samples, read_samples
from agent.sensors.load import Load
from agent.sensors.surroundings import Surroundings
from controller.analysis.estimate import ratio_estimate
from gradfilter.bench.board import Board
from gradfilter.bench.models import build_model
from tests.boards import build_board

SECONDS = 1.0  # of an arm: short, since a virtual machine's pace wanders from second to second
SETTLING_S = 0.05
FEWEST_BLOCKS = 12
MOST_FOREIGN = 0.02  # of all processors: above it, a block says more of other programs than of the sampler
PERIOD_S = 0.1
ON, OFF = ARMS = ("on", "off")


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


class Sampled:
    """The agent's own sampler beside the worker, which can be held still.

    The power monitor, clocks and thermometers are a made-up Orin Nano's, so that something is read at the full pace.
    """

    def __init__(self, folder: RunFolder, pid: int) -> None:
        board = build_board("jetson-orin-nano", folder.path / "board")
        rmtree(board / "proc")
        (board / "proc").symlink_to("/proc")
        before = set(psutil.Process().children())
        self.ran_s = 0.0
        self._samples = folder.samples
        self._sampler = SamplerProcess(folder, Surroundings(root=board), PERIOD_S)
        self._sampler.follow(pid)
        [self._process] = set(psutil.Process().children()) - before
        self._process.suspend()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run so long."""
        started_s = time.monotonic()
        self._process.resume()
        try:
            time.sleep(SETTLING_S)  # it now takes the reading that it has missed
            yield
        finally:
            self._process.suspend()
            self.ran_s += time.monotonic() - started_s

    def finish(self) -> Samples:
        """What it has read, and what it says of itself."""
        self._process.resume()
        self._sampler.finish()
        if self._sampler.error:
            raise SystemExit(self._sampler.error)
        return read_samples(self._samples)


def ratio_line(name: str, numerators: list[float], denominators: list[float]) -> str:
    """The paired ratio with its interval."""
    ratio = ratio_estimate(numerators, denominators)
    if ratio is None or ratio.low is None:
        return f"{name:44s}no interval"
    return f"{name:44s}{ratio.value:.4f}  [{ratio.low:.4f}, {ratio.high:.4f}]"


def measure_block(worker: Connection, sampled: Sampled, arms: Sequence[str]) -> dict[str, float]:
    """The mean step of each arm (s), once, in this order."""
    steps_s = {}
    for arm in arms:
        with sampled.running() if arm == ON else nullcontext(time.sleep(SETTLING_S)):
            steps_s[arm] = mean_step(worker)
    return steps_s


def undisturbed_blocks(
    worker: Connection, sampled: Sampled, wanted: int, most: int
) -> tuple[list[dict[str, float]], int]:
    """As many blocks as are wanted, or could be had, and how many were disturbed."""
    load = Load(Path("/proc"))
    load.follow(os.getpid())
    random, blocks = Random(0), []
    disturbed = 0
    while len(blocks) < wanted and len(blocks) + disturbed < most:
        load.read()
        block = measure_block(worker, sampled, random.sample(ARMS, len(ARMS)))
        foreign = load.read()[1]
        if foreign is not None and foreign <= MOST_FOREIGN:
            blocks.append(block)
        else:
            disturbed += 1
    if len(blocks) < FEWEST_BLOCKS:
        raise SystemExit(f"only {len(blocks)} of {most} blocks were free of other programs: end those first.")
    return blocks, disturbed


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
    with TemporaryDirectory(prefix="sampler-") as folder:
        sampled = Sampled(RunFolder(Path(folder)), worker.pid)
        try:
            blocks, disturbed = undisturbed_blocks(ours, sampled, arguments.blocks, arguments.most)
        finally:
            samples = sampled.finish()
            ours.send(0)
            worker.join()
    now = datetime.now(timezone.utc).date()
    print(f"{now}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{f'step time over {len(blocks)} blocks, measured':44s}ratio   95 % interval")
    print(
        ratio_line(f"sampler at {1 / PERIOD_S:g} Hz / no sampler", *([block[arm] for block in blocks] for arm in ARMS))
    )
    present = [sensor for sensor in samples.sensors if sensor.present]
    channels = sum(len(sensor.channels) for sensor in present)
    print(
        f"{len(present)} sensors with {channels} channels took {samples.report.cpu_s / sampled.ran_s:.1%} of one core"
    )
    print(f"{disturbed} more blocks do not count: other programs took over {MOST_FOREIGN:.0%} of the processors")


if __name__ == "__main__":
    main()
